import Testing

@testable import DICOM

@Suite struct UIDTests {
    @Test(arguments: ["", ".", "1..2", "1.2.", "1.2/../3", "1.2.a", "1.2 ", String(repeating: "1", count: 65)])
    func anUnsafeUIDIsRefused(text: String) {
        #expect(throws: DICOMError.self) { try UID(text) }
    }

    @Test func derivedUIDsDependOnEveryPartAndItsBounds() {
        let uid = UID.derived(from: ["ab", "c"])
        #expect(uid == UID.derived(from: ["ab", "c"]))
        #expect(uid != UID.derived(from: ["a", "bc"]))
        #expect(uid != UID.derived(from: ["ab", "c", ""]))
    }

    @Test func randomUIDsAreValidAndDiffer() throws {
        let uids = Set((0..<100).map { _ in UID.random().description })
        #expect(uids.count == 100)
        for uid in uids {
            #expect(try UID(uid).description == uid)
            #expect(uid.hasPrefix("2.25."))
        }
    }
}
