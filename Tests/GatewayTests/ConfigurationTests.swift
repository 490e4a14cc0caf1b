import Foundation
import TestSupport
import Testing

@testable import Gateway

@Suite struct ConfigurationTests {
    private let documented = SharedData.packageRoot.appendingPathComponent("Config/cxrgate.yaml")

    @Test func theDocumentedFileHoldsTheDefaults() throws {
        #expect(try GatewayConfiguration.load(file: documented) == GatewayConfiguration())
    }

    /// Also the options that are commented out are read, so the documentation names none that does not exist.
    @Test func everyDocumentedOptionIsKnown() throws {
        let text = try String(contentsOf: documented, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            guard let option = line.firstMatch(of: /^( *)# ?( *)(- )?([a-z-]+):( .*)?$/) else { return String(line) }
            return "\(option.1)\(option.2)\(option.3 ?? "")\(option.4):\(option.5 ?? "")"
        }
        let enabled = lines.joined(separator: "\n").replacingOccurrences(
            of: "repositories: []\n", with: "repositories:\n")
        let configuration = try GatewayConfiguration.parse(enabled)
        #expect(configuration.listeners.first?.tls?.requiresPeerCertificate == true)
        #expect(configuration.destinations.last?.commitment == CommitmentConfiguration())
        #expect(configuration.audit.headFile != nil)
        #expect(configuration.audit.repositories.first?.name == "ARR")
    }

    @Test func everyMistakeIsNamedWithItsLine() throws {
        let text = """
            ae-titles: [THIS-TITLE-IS-TOO-LONG]
            storage:
              minimum-free-percent: 200
              directry: /x
            listeners:
              - port: seventy
            destinations:
              - name: A
                ae-title: A
              - name: A
            sources:
              - ae-title: "*"
                forward-to: [NOWHERE]
            log-level: loud
            """
        let error = #expect(throws: ConfigurationError.self) { try GatewayConfiguration.parse(text) }
        let found = try #require(error).mistakes.map(\.description)
        let expected = [
            "line 1: ae-titles[0]", "line 3: storage.minimum-free-percent", "line 4: storage.directry",
            "line 6: listeners[0].port", "line 10: destinations[1]: needs an ae-title", "line 14: log-level",
            "the name 'A' is used twice", "'NOWHERE' is not a destination; known: A, A",
        ]
        for part in expected {
            #expect(found.contains { $0.contains(part) }, "\(part) is missing in \(found)")
        }
        #expect(found.count == expected.count + 1, "\(found)")
    }

    @Test func environmentAndFlagsOverrideInThatOrder() throws {
        let configuration = try GatewayConfiguration.parse(
            "storage: {directory: /a}\nretry: {maximum-attempts: 3}",
            environment: ["CXRGATE_STORAGE__DIRECTORY": "/b", "CXRGATE_RETRY__MAXIMUM_ATTEMPTS": "7", "PATH": "x"],
            flags: [("storage.directory", "/c"), ("listeners[0].port", "104")])
        #expect(configuration.storage.directory == "/c")
        #expect(configuration.retry.maximumAttempts == 7)
    }

    @Test func aMistakeInTheEnvironmentNamesTheVariable() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try GatewayConfiguration.parse("", environment: ["CXRGATE_RETRY__MAXIMUM_ATTEMPTS": "many"])
        }
        #expect("\(try #require(error))".contains("environment variable CXRGATE_RETRY__MAXIMUM_ATTEMPTS"))
    }

    @Test func aSecureListenerHasTheRegisteredPortUnlessToldOtherwise() throws {
        let text = "listeners: [{tls: {private-key: k}}, {tls: {private-key: k}, port: 4000}, {}]"
        #expect(try GatewayConfiguration.parse(text).listeners.map(\.port) == [2762, 4000, 11112])
    }

    @Test func brokenYAMLIsOneClearMistake() {
        #expect(throws: ConfigurationError.self) { try GatewayConfiguration.parse("a: [1, 2") }
    }

    @Test(arguments: [("500ms", 0.5), ("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("1.5s", 1.5)])
    func durationsHaveUnits(text: String, seconds: Double) {
        #expect(ConfigurationNode.duration(text)?.seconds == seconds)
    }

    @Test(arguments: ["", "s", "-1s", "10", "1w", "nans"])
    func durationsWithoutAUnitAreRefused(text: String) {
        #expect(ConfigurationNode.duration(text) == nil)
    }
}
