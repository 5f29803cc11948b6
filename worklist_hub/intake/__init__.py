"""Intake: polls each site and puts its studies to read on the list.

`rules` say what a study is for, `poll` decides what to do (pure), `runner` asks the sites and tells the store.
"""
