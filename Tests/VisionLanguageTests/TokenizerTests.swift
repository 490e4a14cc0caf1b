import Foundation
import TestSupport
import Testing

@testable import VisionLanguage

@Suite struct TokenizerTests {
    private struct Row: Decodable {
        var text: String
        var ids: [Int]
        var plain: [Int]
        var decoded: String
        var full: String?
    }

    @Test(arguments: [
        "gpt2", "gpt2-prefix", "qwen2", "llama3", "digits", "llama-legacy", "llama-metaspace", "gemma", "added",
        "sentencepiece",
    ])
    func nastyTextsTokeniseAndDecodeAsTheReferenceDoes(_ name: String) throws {
        let tokenizer = try Tokenizer.load(directory: Fixture.url("tokenizers/\(name)"))
        let rows = try Fixture.decode([Row].self, "tokenizers/\(name)/expected.json")
        #expect(rows.count > 50)
        for row in rows {
            #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)")
            #expect(tokenizer.encode(row.text, addSpecialTokens: false) == row.plain, "\(row.text.debugDescription)")
            let decoded = tokenizer.decode(row.ids)
            #expect(
                decoded.unicodeScalars.elementsEqual(row.decoded.unicodeScalars),
                "\(decoded.debugDescription) for \(row.decoded.debugDescription)")
            if let full = row.full {
                let found = tokenizer.decode(row.ids, skipSpecialTokens: false)
                #expect(found.unicodeScalars.elementsEqual(full.unicodeScalars), "\(found.debugDescription)")
            }
        }
    }

    @Test(arguments: ["qwen2", "llama-legacy"])
    func streamedTextIsTheWholeTextAndNeverHalfACharacter(_ name: String) throws {
        let tokenizer = try Tokenizer.load(directory: Fixture.url("tokenizers/\(name)"))
        for text in ["Größe 🙂👩‍⚕️ 中文 done", "No effusion.\nHeart normal.", "\u{1F9EC}"] {
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            var stream = StreamingDecoder(tokenizer)
            var pieces = ids.map { stream.append($0) }
            #expect(!pieces.contains { $0.unicodeScalars.contains("\u{FFFD}") })
            pieces.append(stream.finish())
            #expect(pieces.joined() == tokenizer.decode(ids))
        }
    }

    @Test func canonicallyEquivalentTokensAreDifferentTokens() throws {
        let json = """
            {"model":{"type":"BPE","vocab":{"\u{E9}":0,"e":1,"\u{301}":2,"e\u{301}":3},"merges":[["e","\u{301}"]]},
             "decoder":{"type":"Fuse"}}
            """
        let tokenizer = try TokenizerFile.tokenizer(
            JSONDocument.parse(Array(json.utf8), uniqueNames: false), file: "tokenizer.json")
        #expect(tokenizer.encode("\u{E9}") == [0])
        #expect(tokenizer.encode("e\u{301}") == [3])
    }

    @Test(arguments: [
        (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a|b)*"},"behavior":"Isolated"}"#, "(a|b)*"),
        (#""normalizer":{"type":"Precompiled"}"#, "Precompiled"),
        (#""post_processor":{"type":"BertProcessing"}"#, "BertProcessing"),
    ])
    func whatIsNotImplementedIsNamed(_ part: String, _ name: String) throws {
        let json = #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"# + part + "}"
        let document = try JSONDocument.parse(Array(json.utf8))
        let error = #expect(throws: CheckpointError.self) {
            try TokenizerFile.tokenizer(document, file: "tokenizer.json")
        }
        #expect(error?.description.contains(name) == true)
    }

    @Test func aMergeOutsideTheVocabularyIsNamed() throws {
        let json = #"{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}"#
        let document = try JSONDocument.parse(Array(json.utf8))
        let error = #expect(throws: CheckpointError.self) {
            try TokenizerFile.tokenizer(document, file: "tokenizer.json")
        }
        #expect(error?.description.contains("a b") == true)
    }

    @Test func damagedSentencePieceModelsAreErrors() throws {
        let scratch = try ScratchDirectory()
        let whole = try Data(contentsOf: Fixture.url("tokenizers/sentencepiece/tokenizer.model"))
        let file = scratch.url.appendingPathComponent("tokenizer.model")
        for count in [0, 1, 7, whole.count / 2 + 1, whole.count - 1] {
            try whole.prefix(count).write(to: file)
            #expect(throws: CheckpointError.self) { try Tokenizer.load(directory: scratch.url) }
        }
    }
}
