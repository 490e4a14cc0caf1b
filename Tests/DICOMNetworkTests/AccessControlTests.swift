import Testing

@testable import DICOMNetwork

@Suite struct AccessControlTests {
    private let policy = AccessPolicy(
        calledAETitles: ["CXRGATE"],
        sources: [
            .init(aeTitle: "CR1", networks: [NetworkRange("10.1.0.0/16")].compactMap { $0 }, maximumAssociations: 2),
            .init(aeTitle: "SECURE", networks: NetworkRange.loopback, requiresTLS: true),
            .init(aeTitle: "*", networks: NetworkRange.loopback, maximumAssociations: 10),
        ], maximumAssociations: 4)

    private func peer(_ calling: String, _ address: String, called: String = "CXRGATE", secure: Bool = false) -> Peer {
        Peer(callingAETitle: calling, calledAETitle: called, address: address, isSecure: secure)
    }

    private func id(_ number: UInt64) -> AssociationID { AssociationID(number: number) }

    @Test func titleAndAddressDecideTogether() {
        let control = AccessControl(policy)
        #expect(control.admit(id(1), peer("CR1", "10.1.2.3")) == nil)
        #expect(control.admit(id(2), peer("CR1", "10.2.2.3")) == .callingAETitleNotRecognized)
        #expect(control.admit(id(3), peer("ANY", "127.0.0.1", called: "X")) == .calledAETitleNotRecognized)
        #expect(control.admit(id(4), peer("ANY", "::ffff:127.0.0.1")) == nil)
        #expect(control.admit(id(5), peer("ANY", "not an address")) == .callingAETitleNotRecognized)
    }

    @Test func aForeignApplicationContextIsRejected() {
        let control = AccessControl(policy)
        var peer = peer("ANY", "127.0.0.1")
        peer.applicationContextName = "1.2.3"
        #expect(control.admit(id(1), peer) == .applicationContextNotSupported)
    }

    @Test func limitsCountOpenAssociationsOnly() {
        let control = AccessControl(policy)
        #expect(control.admit(id(1), peer("CR1", "10.1.0.1")) == nil)
        #expect(control.admit(id(2), peer("CR1", "10.1.0.1")) == nil)
        #expect(control.admit(id(3), peer("CR1", "10.1.0.1")) == .localLimitExceeded)
        control.leave(id(1))
        #expect(control.admit(id(4), peer("CR1", "10.1.0.1")) == nil)
        #expect(control.admit(id(5), peer("A", "127.0.0.1")) == nil)
        #expect(control.admit(id(6), peer("B", "127.0.0.1")) == nil)
        #expect(control.admit(id(7), peer("C", "127.0.0.1")) == .localLimitExceeded)
        #expect(control.openCount == 4)
    }

    @Test func goingDownIsATransientRejection() {
        let control = AccessControl(policy)
        control.close(true)
        #expect(control.admit(id(1), peer("A", "127.0.0.1"))?.isTransient == true)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.168.1.7", "192.168.1.7", true),
        ("192.168.1.7", "192.168.1.8", false), ("10.1.128.0/17", "10.1.127.9", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1%eth0", false), ("::1", "127.0.0.1", false),
    ])
    func rangesContainTheirAddresses(range: String, address: String, isInside: Bool) throws {
        #expect(try #require(NetworkRange(range)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0/8", "a/8", "10.0.0.0/8/8", "::1/129", "10.0.0.0/-1"])
    func malformedRangesAreRefused(text: String) {
        #expect(NetworkRange(text) == nil)
    }

    @Test func statusesAreSortedByWhatASenderCanDo() {
        #expect(StoreStatus(code: 0x0000).kind == .success)
        #expect(StoreStatus(code: 0xB007).kind == .warning)
        #expect(StoreStatus(code: 0xA701).kind == .transientFailure)
        #expect(StoreStatus(code: 0xA900).kind == .permanentFailure)
        #expect(StoreStatus(code: 0xC123).kind == .permanentFailure)
        #expect(StoreStatus(code: 0x0122).kind == .permanentFailure)
        #expect(StoreStatus(code: 0x0A7).description == "00A7H")
    }
}
