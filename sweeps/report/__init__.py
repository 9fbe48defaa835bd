"""Write what came of a sweep: tables, summary, the best trial."""
