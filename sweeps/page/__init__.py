"""Make report.html, one page of what came of sweeps, which needs no network and no server.

reviewed.py    a sweep with all that is said of it: findings, sheet, figures
problems.py    a part that fails is named in a line, and the rest is made
report_file.py read sweeps, make their page, write it
background_page.py  the same in a process of its own, while the sweep runs
live_page.py   a page that is made again when the record has changed
page_server.py serve it to this machine
page.py        the page from top to bottom
sections/      what stands on it, from the findings to the commands
elements.py    HTML elements; whatever goes into one is escaped
trial_data.py  what the script knows of each trial
style.css      how it looks: light, dark, printed, on a phone
page.js        what it does: highlight a trial everywhere, sort, filter, refresh
"""
