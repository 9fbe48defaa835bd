"""Keep the record of a sweep: an Optuna study, in a file or in PostgreSQL."""
