"""Whom a service's certificate must be signed by, and what is said of one that is not."""

from __future__ import annotations

import os
import ssl


def trusted() -> ssl.SSLContext:
    """The system's authorities, whatever the environment names, and no log of session keys."""
    if {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        system = ssl.get_default_verify_paths()
        places = [one for one in (system.openssl_cafile, system.openssl_capath) if one]
        for place in filter(os.path.exists, places):
            is_folder = os.path.isdir(place)
            context.load_verify_locations(**{"capath" if is_folder else "cafile": place})
    else:
        context = ssl.create_default_context()
    context.keylog_filename = None  # type: ignore[assignment]  # undoes SSLKEYLOGFILE
    return context


def refused_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What the TLS library said of the certificate, where that is why nothing was sent."""
    for _ in range(10):  # errors that were raised twice can be their own context
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None
