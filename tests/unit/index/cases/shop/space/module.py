class InNamespace:
    pass
