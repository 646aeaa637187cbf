"""The casebook's migrations: one file for each change of its tables, applied when a casebook is opened."""
