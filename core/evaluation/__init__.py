"""How well a run reads: its mistakes, how sure it is, what it looks at, and how it reads what is not
MNIST."""
