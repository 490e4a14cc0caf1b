import DICOM
import DICOMNetwork
import Foundation
import TestSupport
import Testing

/// Metrics, health and readiness of a running gateway, as a monitoring system sees them.
@Suite struct MonitoringTests {
    private let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    private func send(_ instance: SyntheticInstance, to gateway: GatewayProcess) throws -> Command.Answer {
        try Command.run(Command.cxrgate, ["send", "127.0.0.1", "\(gateway.port)", instance.url.path])
    }

    @Test func prometheusReadsTheWholePage() async throws {
        let gateway = try GatewayProcess(
            in: scratch.url, options: "destinations: [{name: 'P\"A\\C', port: 1, ae-title: PACS}]\n")
        let page = try await Monitor(gateway).get("/metrics")
        #expect(page.status == 200)
        #expect(page.type == "text/plain; version=0.0.4; charset=utf-8")
        let metrics = try ParsedMetrics(page.text)
        for (name, family) in metrics.families {
            #expect(["counter", "gauge", "histogram"].contains(family.type), "\(name) is \(family.type)")
            #expect(family.help.count > 1, "\(name) has no help")
        }
        // What an administrator's alerts are written against.
        for name in [
            "cxrgate_work_items", "cxrgate_work_oldest_age_seconds", "cxrgate_delivery_queue",
            "cxrgate_delivery_oldest_age_seconds", "cxrgate_destination_circuit", "cxrgate_associations_open",
            "cxrgate_associations_refused", "cxrgate_instances_received", "cxrgate_instances_refused",
            "cxrgate_audit_records", "cxrgate_storage_free_bytes", "cxrgate_ready", "process_resident_memory_bytes",
            "process_cpu_seconds", "process_start_time_seconds",
        ] {
            #expect(metrics.families[name]?.samples.isEmpty == false, "\(name) is missing")
        }
        #expect(metrics.value("cxrgate_destination_circuit", ["destination": "P\"A\\C", "state": "closed"]) == 1)
        #expect(try #require(metrics.value("process_resident_memory_bytes")) > 1_048_576)
        let start = try #require(metrics.value("process_start_time_seconds"))
        #expect(abs(Date().timeIntervalSince1970 - start) < 600, "started within this test's time")
        #expect(try #require(metrics.value("cxrgate_storage_free_bytes")) > 0)
    }

    @Test func whatHappensIsCounted() async throws {
        let pacs = freePort()
        let gateway = try GatewayProcess(
            in: scratch.url,
            options: """
                sources:
                  - {ae-title: CXRGATE, networks: [127.0.0.1], forward-to: [PACS], priority: stat}
                destinations: [{name: PACS, port: \(pacs), ae-title: PACS}]
                retry: {circuit-threshold: 1}
                """)
        let monitor = try Monitor(gateway)
        let before = try await monitor.metrics()
        #expect(before.value("cxrgate_instances_received_total", ["outcome": "new"]) == 0)
        let instance = try SyntheticInstance(in: scratch.url)
        for _ in 0..<2 {
            let answer = try send(instance, to: gateway)
            #expect(answer.status == 0, "\(answer.output)\(answer.errors)")
        }
        let stranger = try Command.run(
            "echoscu", ["-aet", "STRANGER", "-aec", "CXRGATE", "127.0.0.1", "\(gateway.port)"])
        #expect(stranger.status != 0)
        #expect(
            try await monitor.eventually("/metrics") {
                $0.text.contains("cxrgate_destination_circuit{destination=\"PACS\",state=\"open\"} 1")
            })
        let after = try await monitor.metrics()
        #expect(after.value("cxrgate_instances_received_total", ["outcome": "new"]) == 1)
        #expect(after.value("cxrgate_instances_received_total", ["outcome": "duplicate"]) == 1)
        #expect(
            after.value(
                "cxrgate_associations_refused_total", ["reason": "calling AE title not recognized (permanent)"]) == 1)
        #expect(try #require(after.value("cxrgate_received_bytes_total")) > 20_000)
        let queue = ["destination": "PACS", "priority": "stat", "state": "pending"]
        #expect(after.value("cxrgate_delivery_queue", queue) == 1)
        #expect(try #require(after.value("cxrgate_delivery_oldest_age_seconds", ["destination": "PACS"])) > 0)
        #expect(after.value("cxrgate_studies", ["state": "assembling"]) == 1)
        let records = "cxrgate_audit_records_total"
        #expect(try #require(after.value(records)) > #require(before.value(records)))
        #expect(!(try await monitor.get("/metrics").text.contains("T-1")))
    }

    @Test func aDeliveryMovesTheTurnaroundHistogram() async throws {
        let pacs = freePort()
        let inbox = scratch.url.appendingPathComponent("inbox")
        try FileManager.default.createDirectory(at: inbox, withIntermediateDirectories: true)
        let storescp = try BackgroundProcess(
            "storescp", ["-od", inbox.path, "\(pacs)"], log: scratch.url.appendingPathComponent("storescp.log"))
        let isUp = try eventually {
            try Command.run("echoscu", ["-to", "1", "127.0.0.1", "\(pacs)"]).status == 0
        }
        #expect(isUp, "\(storescp.output)")
        let gateway = try GatewayProcess(
            in: scratch.url,
            options: """
                sources: [{forward-to: [PACS]}]
                destinations: [{name: PACS, port: \(pacs), ae-title: PACS}]
                """)
        let monitor = try Monitor(gateway)
        #expect(try send(SyntheticInstance(in: scratch.url), to: gateway).status == 0)
        #expect(
            try await monitor.eventually("/metrics") {
                $0.text.contains("cxrgate_deliveries_total{destination=\"PACS\",outcome=\"sent\"} 1")
            }, "\(gateway.log)")
        let metrics = try await monitor.metrics()
        #expect(metrics.value("cxrgate_turnaround_seconds_count", ["kind": "forward"]) == 1)
        #expect(metrics.value("cxrgate_delivery_seconds_count", ["destination": "PACS"]) == 1)
        let buckets = try #require(metrics.families["cxrgate_turnaround_seconds"]).samples
            .filter { $0.name.hasSuffix("_bucket") }.map(\.number)
        #expect(buckets == buckets.sorted() && buckets.last == 1)
        #expect(storescp.isRunning)
    }

    @Test func readinessFallsBelowTheWatermarkAndHealthStays() async throws {
        let gateway = try GatewayProcess(in: scratch.url, minimumFreeBytes: "1000TiB")
        let monitor = try Monitor(gateway)
        #expect(try await monitor.eventually("/readyz") { $0.status == 503 })
        let page = try await monitor.get("/readyz")
        #expect(page.text.contains("disk: less is free"))
        #expect(page.text.contains("associations: ok"))
        #expect(try await monitor.get("/healthz").status == 200)
        let answer = try send(SyntheticInstance(in: scratch.url), to: gateway)
        #expect(answer.output.contains("A700H"))
        let metrics = try await monitor.metrics()
        #expect(metrics.value("cxrgate_instances_refused_total", ["status": "A700H"]) == 1)
        #expect(metrics.value("cxrgate_ready", ["check": "disk"]) == 0)
        try gateway.reload(options: "")
        #expect(try await monitor.eventually("/readyz") { $0.status == 200 }, "there is room again")
    }

    @Test func aGatewayThatStopsIsNotReady() async throws {
        let gateway = try GatewayProcess(
            in: scratch.url, options: "shutdown-grace: 10m\nassociations: {idle-timeout: 1h}\n")
        let monitor = try Monitor(gateway)
        let association = try StorageSCU(
            RemoteAE(host: "127.0.0.1", port: gateway.port, calledAETitle: "CXRGATE", callingAETitle: "OPEN"),
            contexts: [], services: [.verification])
        #expect(try await monitor.metrics().value("cxrgate_associations_open") == 1)
        gateway.beginToStop()
        #expect(
            try await monitor.eventually("/readyz") {
                $0.status == 503 && $0.text.contains("associations: the gateway is stopping")
            })
        #expect(try await monitor.get("/healthz").status == 200, "it still works on what is open")
        #expect(try association.echo() == .success)
    }

    @Test func aTakenPortStopsNoRadiograph() async throws {
        var taken: RawListener! = try RawListener()
        let gateway = try GatewayProcess(in: scratch.url, options: "operations: {port: \(taken.port)}\n")
        #expect(gateway.log.contains("no metrics and health until operations.address can be opened"))
        #expect(gateway.log.contains("port \(taken.port) cannot be opened: Address already in use"))
        #expect(try send(SyntheticInstance(in: scratch.url), to: gateway).status == 0)
        taken = nil
        #expect(eventually { gateway.operationsPort != nil }, "it is served as soon as the port is free")
        #expect(try await Monitor(gateway).get("/healthz").status == 200)
    }

    @Test func theEndpointCanBeTurnedOff() throws {
        let gateway = try GatewayProcess(in: scratch.url, options: "operations: {enabled: false}\n")
        #expect(gateway.operationsPort == nil)
        #expect(gateway.stop() == 0)
    }

    // MARK: - Bad clients

    private func exchange(_ port: UInt16, _ request: [UInt8]) throws -> String {
        let socket = try RawSocket(port: port)
        socket.send(request)
        return String(decoding: socket.receive(100_000), as: UTF8.self)
    }

    @Test func badRequestsGetAnAnswerAndNothingElseHappens() async throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let monitor = try Monitor(gateway)
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let garbage = (0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) } + Array("\r\n\r\n".utf8)
        let cases: [(request: [UInt8], answer: String)] = [
            (garbage, "HTTP/1.1 400"),
            (Array("GET\r\n\r\n".utf8), "HTTP/1.1 400"),
            (Array("GET /metrics HTTP/9.9\r\n\r\n".utf8), "HTTP/1.1 400"),
            (Array("GET /../../etc/passwd HTTP/1.1\r\n\r\n".utf8), "HTTP/1.1 404"),
            (Array("DELETE /metrics HTTP/1.1\r\n\r\n".utf8), "HTTP/1.1 405"),
            (Array("GET / HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 120, count: 3_000_000), "HTTP/1.1 431"),
            (Array("GET /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".utf8), "HTTP/1.1 200"),
        ]
        for (request, answer) in cases {
            let got = try exchange(monitor.port, request)
            #expect(got.hasPrefix(answer), "\(answer) expected, got \(got.prefix(80))")
            #expect(try await monitor.get("/healthz").status == 200)
        }
        let head = try exchange(monitor.port, Array("HEAD /metrics HTTP/1.1\r\n\r\n".utf8))
        #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"), "a HEAD has no body")
    }

    @Test func slowClientsAreLetGoAndOthersAreServedAgain() async throws {
        let gateway = try GatewayProcess(in: scratch.url)
        let monitor = try Monitor(gateway)
        let slow = try (0..<24).map { _ in
            let socket = try RawSocket(port: monitor.port)
            socket.send(Array("GET /met".utf8))
            return socket
        }
        #expect(try send(SyntheticInstance(in: scratch.url), to: gateway).status == 0, "reception goes on")
        let answers = slow.map { String(decoding: $0.receive(1000, seconds: 30), as: UTF8.self).prefix(12) }
        #expect(answers.allSatisfy { ["HTTP/1.1 408", "HTTP/1.1 503"].contains($0) }, "\(answers)")
        #expect(answers.contains("HTTP/1.1 408"), "who is let in has a time")
        #expect(answers.contains("HTTP/1.1 503"), "above the limit there is an answer at once")
        #expect(try await monitor.eventually("/healthz") { $0.status == 200 })
    }
}
