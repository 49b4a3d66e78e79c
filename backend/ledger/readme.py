"""The text that travels in every export: what it is, and how to check it without us."""

from __future__ import annotations

from typing import Final

README_TEXT: Final = """\
智印用印记录导出包
==================
本包独立、完整，可在任何一台电脑上离线核验，不需要相信提供它的人或服务器。

怎样核验
  1. 从监督部门或见证人处（不要从本包）取得日志公钥和见证人公钥。
  2. 运行：zhiyin verify 本文件.zip --log-key 日志公钥 --witness 见证人公钥
     （有几位见证人就写几个 --witness。）
  3. 您若留有以前的检查点或导出包，加上 --since 旧文件，可查出其后有没有改动、删除、插入或倒填。
  结论分三类：“问题”表示不可采信；“提醒”表示证明有界限；“说明”仅供参考。

核验能说明什么
  · 记录自写入日志、并经见证之后没有被改动；尚未见证的最新部分会明确列出。
  · 套筒事件由套筒自己的密钥签名，编号连续，没有缺漏或调换。
  · 内容依法删除的记录只剩承诺值，其余证明照样成立。
不能说明什么
  · 纸上写的是否真实；套筒密钥被盗，或多数见证人串通时，也无法保证。

A Zhiyin export
===============
This file is complete in itself and can be checked off line, with no trust in whoever gave it.

How to check
  1. Get the log's key and the witnesses' keys from a supervisor or a witness, not from this file.
  2. Run: zhiyin verify THIS.zip --log-key LOGKEY --witness WITNESSKEY   (one --witness each)
  3. If you kept an earlier checkpoint or export, add --since FILE: it shows whether anything was
     changed, deleted, inserted or backdated since.

Without our program (every format is public)
  checkpoint      signed note: origin, size, root hash; then signatures   c2sp.org/tlog-checkpoint
                  cosignatures of witnesses are among them              c2sp.org/tlog-cosignature
  log.vkey        the log's key, only as a claim                           c2sp.org/signed-note
  tile/L/N        SHA-256 Merkle tree of RFC 6962 in tiles; tile/entries/N the leaves
                                                                           c2sp.org/tlog-tiles
  records.jsonl   one record a line. entry, salt and body are base64. The entry is a leaf of the
                  tree: CBOR {"v", "at", "kind", "commit"}; commit = SHA-256(salt || body).
                  body is CBOR {kind, org, at, happened_at, refs, data, evidence}; evidence is the
                  sleeve's COSE_Sign1 (RFC 9052) over {device, counter, prev, time, type, body};
                  prev = SHA-256 of the evidence before it.
  sleeves.jsonl   the sleeves' public keys, only as a claim; alg as in COSE (-7 P-256, -8 Ed25519)
"""
