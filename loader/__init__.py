"""Turns Sinch call-detail-record files into trusted tables (command `cdr`)."""
