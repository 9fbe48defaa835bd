"""Bring the files of trials on machines that do not reach the results to the driver.

contents.py         which files of a trial's folder are sent, and nothing else is taken
receiver.py         the driver's side: writes what arrives, gives what a trial goes on with
trial_folder.py     a trial's side: trains in a scratch folder, sends with one epoch in flight
sender.py           sends, and asks the receiver, for as long as it takes
scratch.py          that folder: private, and removed with the process or by the next
calls.py            what is asked of the receiver, across machines
sending.py          the session's part: who shares the folder, the receiver, cleaning up
machine_data.py     where the data lies on another machine, and whether it is the driver's
held_trials.py      trials that are to end once their last epoch is here
"""
