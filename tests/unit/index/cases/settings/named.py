from base import Copy

job = Copy()
