"""Jobs: their record, their states, and the seam to where they are kept."""
