"""tiaas: TI as a Service, a Highspeed-Konnektor and the laboratory around it."""

__version__ = "0.1.0"
