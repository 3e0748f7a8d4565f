import hashlib

from serving.access.secret import is_same, make_secret, read_secret


def test_a_secret_is_read_as_it_was_made_and_kept_as_a_digest() -> None:
    secret = make_secret()
    assert read_secret(secret.text) == (secret.id, secret.digest)
    assert len(secret.digest) == hashlib.sha256().digest_size
    assert secret.text not in repr(secret)


def test_no_two_secrets_are_alike() -> None:
    made = [make_secret() for _ in range(1000)]
    assert len({secret.id for secret in made}) == len({secret.digest for secret in made}) == 1000
    assert is_same(made[0].digest, bytes(made[0].digest))
    assert not is_same(made[0].digest, made[1].digest)


def test_what_is_no_secret_is_not_read() -> None:
    text = make_secret().text
    for other in ("", "holdfast", text[:-1], text + "A", text + "\n", " " + text, text.upper()):
        assert read_secret(other) is None
