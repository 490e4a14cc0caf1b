"""Tokenizers of every kind that the runtime reads, trained on a few sentences, and what they make of nasty texts."""

import io
import json
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import NASTY, SPECIALS, TRAINING

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


def byte_level(pre_tokenizer, normalizer=None, vocab_size=420, specials=SPECIALS):
    """A byte-level BPE with the given pre-tokeniser."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tokenizer


def split(expression):
    """Split by an expression, then bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def sentencepiece_bytes(vocab_size=560, user_defined=()):
    """The serialised `tokenizer.model` of a Llama-like SentencePiece BPE."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING * 3),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        user_defined_symbols=list(user_defined),
        num_threads=1,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    return model.getvalue()


def sentencepiece_bpe(model_bytes, style, specials=("<image>",)):
    """The `tokenizer.json` that transformers' converters derive from a SentencePiece BPE."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model_bytes)
    vocab = {piece.piece: index for index, piece in enumerate(proto.pieces)}
    scores = {piece.piece: piece.score for piece in proto.pieces}
    merges = []
    for piece in proto.pieces:
        if piece.type != 1:
            continue
        pairs = []
        for cut in range(1, len(piece.piece)):
            left, right = piece.piece[:cut], piece.piece[cut:]
            if left in vocab and right in vocab:
                pairs.append((left, right))
        merges += [(pair, scores[piece.piece]) for pair in sorted(pairs, key=lambda p: (vocab[p[0]], vocab[p[1]]))]
    merges = [pair for pair, _ in sorted(merges, key=lambda m: -m[1])]
    tokenizer = Tokenizer(
        models.BPE(vocab=vocab, merges=merges, fuse_unk=True, byte_fallback=True, unk_token="<unk>")
    )
    llama_decoder = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if style == "legacy":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        llama_decoder.append(decoders.Strip(" ", 1, 0))
    elif style == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
        llama_decoder.append(decoders.Strip(" ", 1, 0))
    elif style == "gemma":
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(llama_decoder)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ("<unk>", "<s>", "</s>")])
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def expectations(tokenizer):
    """Numbers and texts for the whole corpus."""
    rows = []
    for text in NASTY + TRAINING:
        ids = tokenizer.encode(text).ids
        rows.append(
            {
                "text": text,
                "ids": ids,
                "plain": tokenizer.encode(text, add_special_tokens=False).ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=True),
                "full": tokenizer.decode(ids, skip_special_tokens=False),
            }
        )
    return rows


def write(directory: Path):
    """Writes one folder per tokenizer."""
    llama = sentencepiece_bytes()
    kinds = {
        "gpt2": byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "gpt2-prefix": byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True)),
        "qwen2": byte_level(split(QWEN2), normalizers.NFC()),
        "llama3": byte_level(split(LLAMA3)),
        "digits": byte_level(
            pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
        ),
        "llama-legacy": sentencepiece_bpe(llama, "legacy"),
        "llama-metaspace": sentencepiece_bpe(llama, "metaspace"),
        "gemma": sentencepiece_bpe(llama, "gemma"),
    }
    stripping = sentencepiece_bpe(llama, "legacy", specials=())
    stripping.add_tokens(
        [
            AddedToken("<box>", lstrip=True, normalized=False),
            AddedToken("</box>", rstrip=True, normalized=False),
            AddedToken("the", single_word=True, normalized=False),
            AddedToken("<obj>", normalized=True),
        ]
    )
    kinds["added"] = stripping
    for name, tokenizer in kinds.items():
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(
            json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
        )
        (folder / "expected.json").write_text(json.dumps(expectations(tokenizer), ensure_ascii=True, indent=0))
    folder = directory / "sentencepiece"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(llama)
    processor = sentencepiece.SentencePieceProcessor(model_proto=llama)
    rows = []
    for text in NASTY + TRAINING:
        # Control symbols cannot be written in SentencePiece's own text input, and NUL ends it.
        if any(symbol in text for symbol in ("<s>", "</s>", "<unk>", "\0")):
            continue
        ids = processor.encode(text)
        rows.append({"text": text, "ids": [1] + ids, "plain": ids, "decoded": processor.decode(ids)})
    (folder / "expected.json").write_text(json.dumps(rows, ensure_ascii=True, indent=0))
