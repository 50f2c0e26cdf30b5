"""SI, the list of services in a service directory (ServiceInformation.xsd 2.0.0)."""

from typing import Annotated

from tiaas.soap.mapping import Attribute, Element, Namespace, message
from tiaas.soap.simple import ANY_URI, STRING, String
from tiaas.soap.uris import AnyUri

SI = Namespace("http://ws.gematik.de/conn/ServiceInformation/v2.0", "SI")

_LOCATION = AnyUri(base=ANY_URI, max_length=2048)
_ABSTRACT = Element(SI, "Abstract", STRING)


@message(SI, type_name="EndpointType")
class Endpoint:
    """An empty element with the address of a service."""

    location: Annotated[str, Attribute("Location", _LOCATION)]


@message(SI, type_name="WSDLLocationType")
class WsdlLocation:
    """An empty element with the address of a WSDL file."""

    location: Annotated[str, Attribute("Location", _LOCATION)]


@message(SI, type_name="VersionType")
class Version:
    """One version of a service: `target_namespace` is that of its WSDL, `version` has three parts."""

    abstract: Annotated[str, _ABSTRACT]
    endpoint: Annotated[Endpoint | None, Element(SI, "Endpoint")] = None
    endpoint_tls: Annotated[Endpoint, Element(SI, "EndpointTLS")]
    wsdl: Annotated[WsdlLocation | None, Element(SI, "WSDL")] = None
    target_namespace: Annotated[str | None, Attribute("TargetNamespace", ANY_URI)] = None
    version: Annotated[str | None, Attribute("Version", STRING)] = None


@message(SI, type_name="VersionsType")
class Versions:
    """At least one version."""

    version: Annotated[tuple[Version, ...], Element(SI, "Version").occurs(1)]


@message(SI, type_name="ServiceType")
class Service:
    """One service by the name clients look for."""

    abstract: Annotated[str, _ABSTRACT]
    versions: Annotated[Versions, Element(SI, "Versions")]
    name: Annotated[str, Attribute("Name", String(base=STRING))]


@message(SI, root="ServiceInformation", type_name="ServicesType")
class ServiceInformation:
    """At least one service."""

    service: Annotated[tuple[Service, ...], Element(SI, "Service").occurs(1)]
