"""Names what a call asks for, so that calls can be counted: the method and the types of the resource, no names."""


def operation_of(method: str, path: str) -> str:
    """The operation behind a path of ARM, such as `PUT backupVaults/backupInstances` or `POST resources`.

    Source: ARM paths alternate types and names, after the last provider's namespace; an action is one type more.
    """
    _, found, after = path.rpartition("/providers/")
    types = after.split("/")[1::2] if found else path.strip("/").split("/")[::2][-1:]
    return f"{method} {'/'.join(types)}"
