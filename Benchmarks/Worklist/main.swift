import Foundation
import GRDB
import Worklist

// Instances recorded per second, each durable on its own, against one bare INSERT per durable transaction into a plain
// table of the same file system: what the store's rules cost on top of what the disk costs anyway.
//
//     swift run -c release WorklistBenchmark [instances]

let count = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 2000
let directory = FileManager.default.temporaryDirectory.appendingPathComponent("worklist-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: directory) }

let store = try WorklistDatabase.open(at: directory.appendingPathComponent("store.sqlite").path)
let bare = try WorklistDatabase.open(at: directory.appendingPathComponent("bare.sqlite").path) { migrator in
    migrator.registerMigration("bare") { db in
        try db.execute(sql: "CREATE TABLE bare (id INTEGER PRIMARY KEY, uid TEXT, path TEXT, sha256 TEXT)")
    }
}

/// Instance `number`: four images a study, as a day of radiographs arrives.
func received(_ number: Int) -> ReceivedInstance {
    let digits = String(number, radix: 16)
    let sha256 = String(repeating: "0", count: 64 - digits.count) + digits
    let study = number / 4
    return ReceivedInstance(
        studyInstanceUID: "1.2.826.0.1.3680043.10.1.\(study)", seriesInstanceUID: "1.2.826.0.1.3680043.10.2.\(study)",
        sopInstanceUID: "1.2.826.0.1.3680043.10.3.\(number)", sopClassUID: "1.2.840.10008.5.1.4.1.1.1.1",
        transferSyntaxUID: "1.2.840.10008.1.2.1",
        study: StudyAttributes(patientID: "P\(study)", patientName: "Doe^Jane", studyDate: "20260101"),
        series: SeriesAttributes(modality: "DX"), path: "studies/\(study)/\(number)/\(sha256).dcm",
        byteCount: 10_000_000, sha256: sha256, source: Source(aeTitle: "DX1", address: "10.0.0.7"),
        disposition: .toRead, quietPeriod: .seconds(30), association: "a\(study)")
}

/// The seconds that a piece of work takes.
func seconds(_ work: () throws -> Void) rethrows -> Double {
    let elapsed = try ContinuousClock().measure { try work() }
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
}

// In turns, so that a busy disk slows both down alike.
var bareTime = 0.0
var newTime = 0.0
var duplicateTime = 0.0
for number in 0..<count {
    let instance = received(number)
    bareTime += try seconds {
        try bare.write { db in
            try db.cachedStatement(sql: "INSERT INTO bare (uid, path, sha256) VALUES (?, ?, ?)").execute(
                arguments: [instance.sopInstanceUID, instance.path, instance.sha256])
        }
    }
    newTime += try seconds {
        try store.write { db in _ = try StudyStore.record(instance, at: Date(), in: db) }
    }
    duplicateTime += try seconds {
        try store.write { db in _ = try StudyStore.record(instance, at: Date(), in: db) }
    }
}
print("one durable transaction each, \(count) instances      per second   of bare INSERT")
for (name, time) in [
    ("bare INSERT, synchronous=FULL", bareTime), ("StudyStore.record, new instance", newTime),
    ("StudyStore.record, duplicate", duplicateTime),
] {
    print(
        name.padding(toLength: 46, withPad: " ", startingAt: 0),
        String(format: "%12.0f %15.2f", Double(count) / time, bareTime / time))
}
