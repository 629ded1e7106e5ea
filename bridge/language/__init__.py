"""Every sentence that a person reads, and in which language.

`english` has the sentences; `sentences` says them, in English or in a language of `locales/`.
"""
