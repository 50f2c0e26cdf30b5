"""XPath 1.0 on small documents, within a budget (W3C Recommendation 16 November 1999).

A filter comes from a client and is evaluated in the process of all instances. libxml2 cannot be told when to stop, and
1024 characters of nested predicates keep it busy for longer than the machine lasts; this evaluator counts every node
it looks at. Left out: variables, `id()`, `lang()`, the namespace axis. A test compares it with libxml2.
"""
