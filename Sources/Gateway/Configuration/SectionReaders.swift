import DICOM
import DICOMNetwork
import Foundation
import Results
import Worklist

extension StorageConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "directory": { $0.set(&result.directory, $0.text()) },
            "minimum-free-bytes": { $0.set(&result.minimumFreeBytes, $0.bytes(0...(1 << 50))) },
            "minimum-free-percent": { $0.set(&result.minimumFreePercent, $0.number(0...90)) },
            "retention": { $0.set(&result.retention, $0.duration(.zero ... .seconds(86400 * 36500))) },
            "maximum-object-bytes": { $0.set(&result.maximumObjectBytes, $0.bytes(1024...(1 << 40))) },
        ])
        self = result
    }
}

extension AssociationConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        let seconds: ClosedRange<Duration> = .seconds(1) ... .seconds(3600)
        node.read([
            "maximum": { $0.set(&result.maximum, $0.integer(1...1000)) },
            "maximum-pending": { $0.set(&result.maximumPending, $0.integer(1...10000)) },
            "acse-timeout": { $0.set(&result.acseTimeout, $0.duration(seconds)) },
            "dimse-timeout": { $0.set(&result.dimseTimeout, $0.duration(seconds)) },
            "idle-timeout": { $0.set(&result.idleTimeout, $0.duration(seconds)) },
            "maximum-pdu-length": { $0.set(&result.maximumPDULength, $0.integer(4096...131_072)) },
            "additional-sop-classes": { list in
                list.set(
                    &result.additionalSOPClasses,
                    list.list { node in node.scalar("a SOP Class UID") { (try? UID($0))?.description } })
            },
        ])
        self = result
    }
}

extension ListenerConfiguration {
    init?(reading node: ConfigurationNode) {
        var result = ListenerConfiguration()
        let hasPort = node.node.mapping?["port"] != nil
        node.read([
            "address": { node in
                node.set(&result.address, node.scalar("an IP address") { IPAddress($0) == nil ? nil : $0 })
            },
            "port": { $0.set(&result.port, $0.integer(0...65535)) },
            "tls": { node in
                result.tls = TLSSettings(reading: node)
                if !hasPort { result.port = ListenerConfiguration.securePort }
            },
        ])
        self = result
    }
}

extension TLSSettings {
    init(reading node: ConfigurationNode) {
        self.init()
        var result = self
        node.read([
            "private-key": { result.privateKey = $0.text() },
            "certificate": { result.certificate = $0.text() },
            "trusted-certificates": { result.trustedCertificates = $0.text() },
            "require-peer-certificate": { $0.set(&result.requiresPeerCertificate, $0.boolean()) },
        ])
        self = result
    }
}

extension SourceConfiguration {
    init?(reading node: ConfigurationNode) {
        var result = SourceConfiguration()
        node.read([
            "ae-title": { $0.set(&result.aeTitle, $0.aeTitle(allowingAny: true)) },
            "networks": { list in
                let networks = list.list { node in
                    node.scalar("an IP address or a range such as 10.1.0.0/16", NetworkRange.init)
                }
                list.set(&result.networks, networks)
            },
            "maximum-associations": { $0.set(&result.maximumAssociations, $0.integer(1...1000)) },
            "requires-tls": { $0.set(&result.requiresTLS, $0.boolean()) },
            "quiet-period": { $0.set(&result.quietPeriod, $0.duration(.zero ... .seconds(86400))) },
            "priority": { node in
                node.set(
                    &result.priority,
                    node.scalar("one of stat, high, routine, medium, low") { Priority(requestedProcedurePriority: $0) })
            },
            "reads": { $0.set(&result.reads, $0.boolean()) },
            "forward-to": { list in list.set(&result.forwardTo, list.list { $0.text() }) },
        ])
        self = result
    }
}

extension DestinationConfiguration {
    init?(reading node: ConfigurationNode) {
        var result = DestinationConfiguration()
        let seconds: ClosedRange<Duration> = .seconds(1) ... .seconds(3600)
        node.read([
            "name": { $0.set(&result.name, $0.text()) },
            "results": { list in
                let kinds = ResultKind.allCases.map(\.rawValue).joined(separator: ", ")
                let chosen = list.list { node in node.scalar("one of \(kinds)") { ResultKind(rawValue: $0) } }
                list.set(&result.results, chosen.map(Set.init))
            },
            "findings-class": { node in
                let classes = FindingsReportClass.allCases.map(\.rawValue).joined(separator: ", ")
                node.set(
                    &result.findingsClass,
                    node.scalar("one of \(classes)") { FindingsReportClass(rawValue: $0) })
            },
            "folder": { result.folder = $0.text() },
            "host": { $0.set(&result.host, $0.text()) },
            "port": { $0.set(&result.port, $0.integer(1...65535)) },
            "ae-title": { $0.set(&result.aeTitle, $0.aeTitle()) },
            "calling-ae-title": { $0.set(&result.callingAETitle, $0.aeTitle()) },
            "tls": { result.tls = TLSSettings(reading: $0) },
            "acse-timeout": { $0.set(&result.acseTimeout, $0.duration(seconds)) },
            "dimse-timeout": { $0.set(&result.dimseTimeout, $0.duration(seconds)) },
            "commitment": { node in
                var commitment = CommitmentConfiguration()
                node.read([
                    "deadline": { $0.set(&commitment.deadline, $0.duration(.seconds(1) ... .seconds(86400 * 30))) },
                    "wait-seconds": { $0.set(&commitment.waitSeconds, $0.integer(0...60)) },
                ])
                result.commitment = commitment
            },
        ])
        if result.name.isEmpty { node.mistake("needs a name") }
        if result.folder == nil {
            if result.aeTitle.isEmpty { node.mistake("needs an ae-title, or a folder") }
        } else if !result.aeTitle.isEmpty || result.commitment != nil || result.tls != nil {
            node.mistake("is a folder: ae-title, tls and commitment have no meaning there")
        }
        self = result
    }
}

extension RetryConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        let delays: ClosedRange<Duration> = .milliseconds(10) ... .seconds(86400)
        node.read([
            "initial-delay": { $0.set(&result.initialDelay, $0.duration(delays)) },
            "maximum-delay": { $0.set(&result.maximumDelay, $0.duration(delays)) },
            "maximum-attempts": { $0.set(&result.maximumAttempts, $0.integer(1...10000)) },
            "circuit-threshold": { $0.set(&result.circuitThreshold, $0.integer(1...1000)) },
        ])
        self = result
    }
}

extension AuditConfiguration {
    mutating func read(_ node: ConfigurationNode) {
        var result = self
        node.read([
            "signing-key": { $0.set(&result.signingKey, $0.text()) },
            "head-file": { result.headFile = $0.text() },
            "repositories": { list in
                list.set(&result.repositories, list.list(AuditRepositoryConfiguration.init(reading:)))
            },
        ])
        self = result
    }
}

extension AuditRepositoryConfiguration {
    init?(reading node: ConfigurationNode) {
        var result = AuditRepositoryConfiguration()
        node.read([
            "name": { $0.set(&result.name, $0.text()) },
            "host": { $0.set(&result.host, $0.text()) },
            "port": { $0.set(&result.port, $0.integer(1...65535)) },
            "tls": { result.tls = TLSSettings(reading: $0) },
            "pseudonym-key": { result.pseudonymKey = $0.text() },
        ])
        if result.name.isEmpty { node.mistake("needs a name") }
        if let tls = result.tls, tls.trustedCertificates == nil { node.mistake("tls needs trusted-certificates") }
        self = result
    }
}
