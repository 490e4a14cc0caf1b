import DICOM
import Foundation
import TestSupport
import Testing

@Suite struct TransferSyntaxTests {
    @Test func theStatementListsTheOrderOfPreference() throws {
        let url = SharedData.packageRoot.appendingPathComponent("Conformance/NETWORK.md")
        let text = try String(contentsOf: url, encoding: .utf8)
        let listed = text.matches(of: /(?m)^\d+\. (.+) \(([\d.]+)\)$/).map { [String($0.1), String($0.2)] }
        #expect(listed == TransferSyntax.all.map { [$0.name, $0.uid] })
    }
}
