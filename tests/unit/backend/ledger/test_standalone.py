"""The verifier stands alone: the standard library, cbor2, cryptography and its own modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.ledger_world import LedgerWorld, Sleeve

_PROGRAM = """
import json, socket, sys
allowed = {"backend", "cbor2", "_cbor2", "cryptography", "_cffi_backend"}
allowed |= set(sys.stdlib_module_names)

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in allowed:
            raise ImportError(f"the verifier must not need {name}")
        return None

def no_network(*args, **kwargs):
    raise OSError("the verifier must not need a network")

sys.meta_path.insert(0, Refuse())
socket.socket = no_network
from pathlib import Path
from backend.ledger.verify import verify_cli
report = verify_cli(Path(sys.argv[1]), log_key=[sys.argv[2]])
ours = sorted(name for name in sys.modules if name.startswith("backend") and name.count(".") == 1)
print(json.dumps({"ok": report.ok, "size": report.size, "rooms": ours}))
"""


def test_the_verifier_needs_neither_server_nor_database_nor_network(
    world: LedgerWorld, tmp_path: Path
) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    world.stamp(sleeve, 2)
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "e.zip"), world.signer.key.text],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[4],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"ok": True, "size": 3, "rooms": ["backend.ledger"]}
