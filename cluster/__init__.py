"""Machines: a head that others join, so that one sweep runs on all of them."""
