import Foundation

/// Writes the `detail` column: what an event says beyond the record's columns, as JSON with its keys in alphabetical
/// order, so that equal events have equal bytes.
///
/// Written by hand because it is on the path of every reception; a `JSONEncoder` costs more than the whole append.
/// Only a reading's provenance goes through one.
struct DetailEncoder {
    private var bytes: [UInt8] = []
    private var needsComma = false

    /// The detail of `event`; nil when its columns say it all.
    static func encode(_ event: AuditEvent) throws -> String? {
        var encoder = DetailEncoder()
        try encoder.write(event)
        return encoder.bytes.count == 2 ? nil : String(decoding: encoder.bytes, as: UTF8.self)
    }

    private mutating func write(_ event: AuditEvent) throws {
        open(UInt8(ascii: "{"))
        if let process = event.destination?.process { object("destination") { $0.member("process", process) } }
        map("details", event.details)
        if !event.objects.isEmpty {
            array("objects", event.objects) { encoder, object in
                encoder.map("details", object.details)
                encoder.member("identifier", object.identifier)
                encoder.member("name", object.name)
                encoder.member("sort", object.sort.rawValue)
            }
        }
        if let issuer = event.patient?.issuer { object("patient") { $0.member("issuer", issuer) } }
        if let person = event.person, person != Person(user: person.user) {
            object("person") {
                $0.member("host", person.host)
                $0.member("name", person.name)
                $0.member("process", person.process)
                $0.member("role", person.role)
            }
        }
        if let provenance = event.provenance {
            key("provenance")
            bytes += try CanonicalJSON.encode(provenance)
        }
        if let classes = event.study?.sopClasses, !classes.isEmpty {
            array("sopClasses", classes) { encoder, item in
                encoder.key("instanceCount")
                encoder.bytes += String(item.instanceCount).utf8
                if !item.instances.isEmpty { encoder.strings("instances", item.instances) }
                encoder.member("uid", item.uid)
            }
        }
        if let process = event.source?.process { object("source") { $0.member("process", process) } }
        close(UInt8(ascii: "}"))
    }

    private mutating func open(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func key(_ name: String) {
        comma()
        string(name)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func member(_ name: String, _ value: String?) {
        guard let value else { return }
        key(name)
        string(value)
    }

    private mutating func object(_ name: String, _ content: (inout DetailEncoder) -> Void) {
        key(name)
        open(UInt8(ascii: "{"))
        content(&self)
        close(UInt8(ascii: "}"))
    }

    private mutating func map(_ name: String, _ values: [String: String]) {
        guard !values.isEmpty else { return }
        object(name) { encoder in
            for (key, value) in values.sorted(by: { $0.key < $1.key }) { encoder.member(key, value) }
        }
    }

    private mutating func array<Item>(_ name: String, _ items: [Item], _ content: (inout DetailEncoder, Item) -> Void) {
        key(name)
        open(UInt8(ascii: "["))
        for item in items {
            comma()
            open(UInt8(ascii: "{"))
            content(&self, item)
            close(UInt8(ascii: "}"))
        }
        close(UInt8(ascii: "]"))
    }

    private mutating func strings(_ name: String, _ values: [String]) {
        key(name)
        open(UInt8(ascii: "["))
        for value in values {
            comma()
            string(value)
        }
        close(UInt8(ascii: "]"))
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes += "\\u00".utf8
                bytes += (byte < 16 ? "0" : "").utf8
                bytes += String(byte, radix: 16).utf8
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// JSON with sorted keys and unescaped slashes: the same value always gives the same bytes.
enum CanonicalJSON {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

/// The `detail` column as read back.
struct RecordDetail: Decodable {
    struct Process: Decodable { var process: String? }
    struct Issuer: Decodable { var issuer: String? }
    struct PersonDetail: Decodable { var host, name, process, role: String? }
    struct SOPClass: Decodable {
        var uid: String
        var instanceCount: Int
        var instances: [String]?
    }
    struct Object: Decodable {
        var sort: String
        var identifier: String
        var name: String?
        var details: [String: String]?
    }

    var destination: Process?
    var details: [String: String]?
    var objects: [Object]?
    var patient: Issuer?
    var person: PersonDetail?
    var provenance: Provenance?
    var sopClasses: [SOPClass]?
    var source: Process?

    init() {}

    /// Parses a stored detail.
    static func decode(_ text: String?) throws -> RecordDetail {
        guard let text else { return RecordDetail() }
        return try JSONDecoder().decode(RecordDetail.self, from: Data(text.utf8))
    }
}
