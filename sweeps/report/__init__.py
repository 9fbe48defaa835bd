"""What came of a sweep, in files: tables, summary, importances, the best trial."""
