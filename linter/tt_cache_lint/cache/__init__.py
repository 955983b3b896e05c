"""Answers of earlier runs, kept below the root and given again as long as nothing that they were made from changes."""
