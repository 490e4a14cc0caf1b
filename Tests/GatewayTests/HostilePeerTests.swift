import DICOM
import Foundation
import TestSupport
import Testing

/// A peer that sends whatever it likes. Each time a normal sender is served, and at the end nothing is left over.
@Suite struct HostilePeerTests {
    private let scratch: ScratchDirectory
    private let gateway: GatewayProcess

    init() throws {
        scratch = try ScratchDirectory()
        gateway = try GatewayProcess(
            in: scratch.url,
            options: "associations: {acse-timeout: 2s, dimse-timeout: 2s, idle-timeout: 3s, maximum-pending: 50}")
    }

    private func aNormalSenderIsServed() throws -> Bool {
        let instance = try SyntheticInstance(in: scratch.url)
        return try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path]).status == 0
    }

    private func count(_ kind: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(gateway.identifier)/\(kind)").count) ?? -1
    }

    /// Threads and descriptors are back to about what they were, and no partial file is visible.
    private func expectNothingLeft(threads: Int, descriptors: Int) throws {
        // A few of either belong to pools that come and go with the load.
        let slack = 6
        let isQuiet = eventually {
            count("task") <= threads + slack && count("fd") <= descriptors + slack
        }
        #expect(isQuiet, "threads \(threads) to \(count("task")), descriptors \(descriptors) to \(count("fd"))")
        let incoming = gateway.storage.appendingPathComponent("incoming").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: incoming).isEmpty)
        #expect(gateway.isRunning)
    }

    @Test func nothingThatAPeerWritesStopsTheService() throws {
        #expect(try aNormalSenderIsServed())
        let (threads, descriptors) = (count("task"), count("fd"))
        for attack in Attack.all {
            let socket = try RawSocket(port: gateway.port)
            attack.run(socket)
            #expect(try aNormalSenderIsServed(), "after \(attack.name)")
        }
        try expectNothingLeft(threads: threads, descriptors: descriptors)
    }

    @Test func randomBytesAfterAValidAssociationAreSurvived() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        #expect(try aNormalSenderIsServed())
        for _ in 0..<40 {
            let socket = try RawSocket(port: gateway.port)
            socket.send(UpperLayer.associateRequest())
            _ = socket.receive(6)
            let type: UInt8 = Bool.random(using: &generator) ? 4 : UInt8.random(in: 0...9, using: &generator)
            let body = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            socket.send(UpperLayer.pdu(type: type, body))
        }
        #expect(try aNormalSenderIsServed(), "seed \(seed)")
        #expect(gateway.isRunning)
    }

    @Test func twoHundredSilentConnectionsKeepNobodyOut() throws {
        #expect(try aNormalSenderIsServed())
        let (threads, descriptors) = (count("task"), count("fd"))
        var silent: [RawSocket] = []
        for _ in 0..<200 {
            silent.append(try RawSocket(port: gateway.port))
        }
        #expect(try aNormalSenderIsServed())
        #expect(eventually { count("task") < threads + 60 }, "silent connections do not pile up")
        silent.removeAll()
        try expectNothingLeft(threads: threads, descriptors: descriptors)
    }

    @Test func anAssociationAbortedInsideAnObjectLeavesNothing() throws {
        #expect(try aNormalSenderIsServed())
        let (threads, descriptors) = (count("task"), count("fd"))
        let stored = try gateway.query("SELECT count(*) FROM instance")
        for _ in 0..<10 {
            let socket = try RawSocket(port: gateway.port)
            socket.send(UpperLayer.associateRequest())
            _ = socket.receive(6)
            socket.send(UpperLayer.storeRequest(sopInstance: UID.random().description))
            socket.send(UpperLayer.data([UInt8](repeating: 7, count: 4096), isCommand: false, isLast: false))
        }
        try expectNothingLeft(threads: threads, descriptors: descriptors)
        #expect(try gateway.query("SELECT count(*) FROM instance") == stored)
    }
}

/// One way to misbehave.
private struct Attack: Sendable {
    let name: String
    let run: @Sendable (RawSocket) -> Void

    private static func associated(_ name: String, _ bytes: [UInt8]) -> Attack {
        Attack(name: name) { socket in
            socket.send(UpperLayer.associateRequest())
            _ = socket.receive(6)
            socket.send(bytes)
            _ = socket.receive(4096, seconds: 4)
        }
    }

    static let all: [Attack] = [
        Attack(name: "garbage") { $0.send(Array("GET / HTTP/1.1\r\n\r\n".utf8)) },
        Attack(name: "an A-ASSOCIATE-RQ of 4 GB") { $0.send([1, 0, 0xff, 0xff, 0xff, 0xff, 0, 1]) },
        Attack(name: "an A-ASSOCIATE-RQ that is cut off") { $0.send(Array(UpperLayer.associateRequest().prefix(40))) },
        Attack(name: "an A-ASSOCIATE-RQ with broken items") { socket in
            var bytes = UpperLayer.associateRequest()
            for index in stride(from: 76, to: bytes.count, by: 7) { bytes[index] = 0xff }
            socket.send(bytes)
        },
        Attack(name: "P-DATA before the association") {
            $0.send(UpperLayer.data([0, 0], isCommand: true, isLast: true))
        },
        Attack(name: "an unknown PDU first") { $0.send(UpperLayer.pdu(type: 0x42, [1, 2, 3])) },
        associated("a P-DATA of 2 GB", [4, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 2, 1, 3]),
        associated("a PDV longer than its PDU", UpperLayer.pdu(type: 4, [0, 0, 0xff, 0xff, 1, 3, 0, 0])),
        associated("a PDV of length zero", UpperLayer.pdu(type: 4, [0, 0, 0, 0, 1, 3])),
        associated("an empty P-DATA", UpperLayer.pdu(type: 4, [])),
        associated("a dataset without a command", UpperLayer.data([1, 2, 3, 4], isCommand: false, isLast: true)),
        associated("a command that is not one", UpperLayer.data([9, 9, 9, 9, 9], isCommand: true, isLast: true)),
        associated("a command never finished", UpperLayer.data([0, 0, 0, 0], isCommand: true, isLast: false)),
        associated("an unknown PDU", UpperLayer.pdu(type: 0x33, [0, 0])),
        associated("a second A-ASSOCIATE-RQ", UpperLayer.associateRequest()),
        associated("an unknown presentation context", UpperLayer.data([0, 0], isCommand: true, isLast: true, id: 99)),
        associated(
            "a command of a megabyte",
            (0..<70).flatMap { _ in
                UpperLayer.data([UInt8](repeating: 0, count: 16000), isCommand: true, isLast: false)
            }),
        associated("a command of nested sequences", UpperLayer.data(nested, isCommand: true, isLast: true)),
    ]

    /// Sequences in sequences, which a recursive parser would follow to the end of its stack.
    private static let nested: [UInt8] = (0..<3000).flatMap { _ -> [UInt8] in
        [0, 0, 0, 0x10, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]
    }
}

/// A generator that repeats its numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
