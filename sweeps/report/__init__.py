"""Write what came of a sweep: tables, summary, importances, the best trial."""
