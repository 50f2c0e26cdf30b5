"""What the base services of a Konnektor offer its Fachmodule: the TUCs that gemSpec_Kon calls "auch durch Fachmodule
nutzbar".

`hold` reserves a card for one use case, `CardFiles` reads and writes its files, `roles` tells whose card it is,
`symmetric` encrypts, `accesslog` writes down who had access. `services.BaseServices` has all of it for one instance;
`docs/reference/fachmodule.md` shows how it is used. The Fachmodul VSDM (`konnektor.vsdm`) is built on it.
"""
