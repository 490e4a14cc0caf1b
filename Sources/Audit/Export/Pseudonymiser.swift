import Cryptography
import Foundation

/// Replaces what identifies a patient by keyed hashes: equal identifiers give equal pseudonyms under one key, and without
/// the key a pseudonym cannot be traced by trying identifiers.
///
/// Patient IDs and accession numbers become pseudonyms, patient names are left out, and where free text repeats one of
/// them it is replaced there as well. UIDs stay: they are what the repository correlates by.
public struct Pseudonymiser: Sendable {
    private let key: [UInt8]

    /// Takes a secret key, of 32 bytes or more.
    public init(key: [UInt8]) throws(CryptographyError) {
        guard key.count >= 32 else {
            throw .wrongLength(what: "a pseudonymisation key", expected: 32, found: key.count)
        }
        self.key = key
    }

    /// The pseudonym of an identifier: `p-` and 20 hexadecimal digits (80 bits).
    public func pseudonym(_ identifier: String) -> String {
        "p-\(HMACSHA256.authenticate(identifier, key: key).hex.prefix(20))"
    }

    /// The event without anything that identifies its patient.
    public func apply(to event: AuditEvent) -> AuditEvent {
        var secrets: [(String, String)] = []
        var event = event
        if let patient = event.patient {
            secrets.append((patient.identifier, pseudonym(patient.identifier)))
            if let name = patient.name {
                secrets.append((name, "(name)"))
                // Free text writes "Family Given" or the family name alone where DICOM writes "Family^Given".
                let parts = name.split(whereSeparator: { "^= ".contains($0) }).map(String.init)
                secrets.append((parts.joined(separator: " "), "(name)"))
                secrets += parts.filter { $0.count > 2 }.map { ($0, "(name)") }
            }
            event.patient = Patient(identifier: pseudonym(patient.identifier), issuer: patient.issuer)
        }
        if let accession = event.study?.accession {
            secrets.append((accession, pseudonym(accession)))
            event.study?.accession = pseudonym(accession)
        }
        func clean(_ text: String) -> String {
            secrets.reduce(text) { $1.0.isEmpty ? $0 : $0.replacing($1.0, with: $1.1) }
        }
        func clean(_ details: [String: String]) -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: details.compactMap { name, value in
                    switch name {
                    case "patient", "accession": (name, pseudonym(value))
                    // What a person typed to search for may be a name; a "study" may be an accession number.
                    case "text": nil
                    case "study" where !value.contains("."): (name, pseudonym(value))
                    default: (name, clean(value))
                    }
                })
        }
        event.description = event.description.map { clean($0) }
        event.details = clean(event.details)
        event.objects = event.objects.map { object in
            ParticipantObject(
                object.sort, identifier: clean(object.identifier), name: object.name.map { clean($0) },
                details: clean(object.details))
        }
        if var provenance = event.provenance {
            provenance.turns = provenance.turns.map { .init(prompt: clean($0.prompt), answer: clean($0.answer)) }
            provenance.dropped = provenance.dropped.map { .init(text: clean($0.text), reason: clean($0.reason)) }
            event.provenance = provenance
        }
        return event
    }
}
