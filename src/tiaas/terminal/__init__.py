"""eHealth card terminals: SICCT, the Konnektor's side of a terminal, and (in `virtual`) a terminal made of software."""
