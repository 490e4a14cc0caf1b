import Foundation
import TestSupport
import Testing

@Suite struct RetentionTests {
    @Test func filesGoWhenTheirTimeIsOverAndTheRecordStays() throws {
        let scratch = try ScratchDirectory()
        let gateway = try GatewayProcess(
            in: scratch.url,
            options: "sources: [{quiet-period: 0s}]\n", storageOptions: "retention: 2s")
        let instance = try SyntheticInstance(in: scratch.url)
        let sent = try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path])
        #expect(sent.status == 0, "\(sent.errors)")
        let kept = gateway.storage.appendingPathComponent("studies/\(instance.study)")
        #expect(FileManager.default.fileExists(atPath: kept.path))
        #expect(try eventually { try gateway.query("SELECT state FROM study") == ["purged"] })
        #expect(eventually { !FileManager.default.fileExists(atPath: kept.path) })
        #expect(try gateway.query("SELECT count(*) FROM instance WHERE purgedAt IS NOT NULL") == ["1"])
        let story = try Command.run(
            Command.cxrgate,
            ["audit", "show", instance.study, "--database", gateway.storage.path + "/cxrgate.sqlite", "--as", "test"])
        #expect(story.output.contains("Study purged"), "\(story.output)\(story.errors)")
    }

    @Test func withoutARetentionTimeNothingGoes() throws {
        let scratch = try ScratchDirectory()
        let gateway = try GatewayProcess(in: scratch.url, options: "sources: [{quiet-period: 0s}]\n")
        let instance = try SyntheticInstance(in: scratch.url)
        _ = try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path])
        #expect(try eventually { try gateway.query("SELECT state FROM study") == ["stored"] })
        Thread.sleep(forTimeInterval: 3)
        #expect(try gateway.query("SELECT state FROM study") == ["stored"])
    }
}
