import Foundation
import TestSupport
import Testing

@testable import VisionLanguage

@Suite struct SafetensorsTests {
    private func file(_ header: String, data: Int, in scratch: ScratchDirectory, length: UInt64? = nil) throws -> URL {
        var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
        bytes.append(contentsOf: header.utf8)
        bytes.append(Data(repeating: 7, count: data))
        let url = scratch.url.appendingPathComponent("model.safetensors")
        try bytes.write(to: url)
        return url
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "a ends at byte 8 of 4"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "unclaimed bytes at the end"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "a of shape [3] needs 12 bytes"),
        (#"{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, 8, "a has the type F99"),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "a has an impossible shape"),
        (
            #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8,
            "a has an impossible shape"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
            8, "b overlaps"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
            8, "unclaimed bytes before b"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
            8, "\"a\" occurs twice"
        ),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[8,4]}}"#, 8, "a ends at byte 4"),
        (#"{"a":"#, 8, "unexpected end"),
        (#"[]"#, 0, "not an object"),
    ])
    func damagedHeadersAreNamed(_ header: String, _ data: Int, _ message: String) throws {
        let scratch = try ScratchDirectory()
        let url = try file(header, data: data, in: scratch)
        let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(url: url) }
        let text = error?.description ?? ""
        #expect(text.contains(message), "\(text)")
        #expect(text.contains("model.safetensors"))
    }

    @Test func headersLongerThanTheFileAreNamed() throws {
        let scratch = try ScratchDirectory()
        for length in [1_000, UInt64(Int64.max), UInt64.max] {
            let url = try file("{}", data: 0, in: scratch, length: length)
            let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(url: url) }
            #expect(error?.description.contains("\(length) bytes") == true)
        }
        let short = scratch.url.appendingPathComponent("model.safetensors")
        try Data([1, 2, 3]).write(to: short)
        #expect(throws: CheckpointError.self) { try SafetensorsFile(url: short) }
    }

    @Test func everyTruncationOfASoundFileIsAnError() throws {
        let scratch = try ScratchDirectory()
        let url = scratch.url.appendingPathComponent("whole.safetensors")
        let writer = try SafetensorsWriter(
            url: url, layout: [.init(name: "weight", element: .float32, shape: [3, 2])], metadata: ["k": "v\"\n"])
        try writer.write([1, 2, 3, 4, 5, 6])
        try writer.finish()
        let file = try SafetensorsFile(url: url)
        #expect(file.metadata == ["k": "v\"\n"])
        #expect(try file.tensors[0].floats() == [1, 2, 3, 4, 5, 6])
        let whole = try Data(contentsOf: url)
        let cut = scratch.url.appendingPathComponent("cut.safetensors")
        for count in 0..<whole.count {
            try whole.prefix(count).write(to: cut)
            #expect(throws: CheckpointError.self) { try SafetensorsFile(url: cut) }
        }
    }

    @Test func halfPrecisionBitsConvertExactly() {
        let cases: [(UInt16, Float)] = [
            (0x3C00, 1), (0xC000, -2), (0x7BFF, 65504), (0x0001, 0x1p-24), (0x03FF, 1023 * 0x1p-24), (0x0400, 0x1p-14),
            (0x3555, 0.33325195), (0x7C00, .infinity), (0x8000, 0),
        ]
        for (bits, value) in cases { #expect(Float16Bits.float(bits) == value) }
        #expect(Float16Bits.float(0x8000).sign == .minus)
        #expect(Float16Bits.float(0x7E00).isNaN)
    }

    @Test func shardsAreReadThroughTheIndexAndDisagreementsNamed() throws {
        let scratch = try ScratchDirectory()
        for (shard, name) in [("one", "a"), ("two", "b")] {
            let writer = try SafetensorsWriter(
                url: scratch.url.appendingPathComponent("\(shard).safetensors"),
                layout: [.init(name: name, element: .float32, shape: [1])])
            try writer.write([3])
            try writer.finish()
        }
        let index = scratch.url.appendingPathComponent("model.safetensors.index.json")
        func write(_ map: String) throws { try Data("{\"weight_map\":\(map)}".utf8).write(to: index) }

        try write(#"{"a":"one.safetensors","b":"two.safetensors"}"#)
        #expect(try CheckpointDirectory(url: scratch.url).tensors.keys.sorted() == ["a", "b"])
        for (map, message) in [
            (#"{"a":"one.safetensors","c":"two.safetensors"}"#, "two.safetensors does not hold c"),
            (#"{"a":"one.safetensors","b":"gone.safetensors"}"#, "gone.safetensors is missing"),
            (#"{"a":"../one.safetensors"}"#, "leaves the directory"),
            (#"{"a":"one.safetensors"}"#, ""),
        ] {
            try write(map)
            if message.isEmpty {
                #expect(try CheckpointDirectory(url: scratch.url).tensors.count == 1)
                continue
            }
            let error = #expect(throws: CheckpointError.self) { try CheckpointDirectory(url: scratch.url) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }
}
