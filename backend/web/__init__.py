"""The pages: Jinja2 and htmx, one stylesheet, Chinese first; they use the services of the API.

``mount.routers()`` and ``errors.install`` go to the application, which is handed a ``ports.Web``.
"""
