from importlib.metadata import distributions, version

from training.release.provenance import environment


def test_the_environment_is_every_installed_package_with_its_version() -> None:
    lines = environment().splitlines()
    assert f"lightgbm=={version('lightgbm')}" in lines
    names = [line.split("==")[0] for line in lines]
    assert names == sorted({package.name.lower() for package in distributions()})
