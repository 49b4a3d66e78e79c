"""The pages: Jinja2 and htmx, one stylesheet, Chinese first; they call the same services as the API.

``mount.routers()`` and ``errors.install`` go to the application, which is handed a ``ports.Web``.
"""
