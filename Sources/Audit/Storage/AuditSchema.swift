import Cryptography
import Foundation
import GRDB

/// The log's tables, indexes, guards and views.
public enum AuditSchema {
    /// Adds the log's migrations, each named with the prefix `audit.`, to the migrator of the database that holds it.
    public static func registerMigrations(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("audit.1") { db in
            try db.execute(sql: tables)
            try db.execute(sql: indexes)
            for guardTrigger in guards { try db.execute(sql: guardTrigger.sql) }
            for view in views { try db.execute(sql: view.sql) }
            for definition in EventDefinition.table {
                try db.execute(
                    sql: "INSERT INTO audit_event_type VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        definition.kind.rawValue, definition.name, definition.identifier.rawValue,
                        definition.action.rawValue, definition.meaning,
                    ])
            }
            let identifier = UUID().uuidString.lowercased()
            let created = AuditTime.now
            try db.execute(
                sql: "INSERT INTO audit_log (id, identifier, created) VALUES (1, ?, ?)",
                arguments: [identifier, created.microseconds])
            try db.execute(
                sql: "INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, ?)",
                arguments: [Data(genesis(identifier: identifier, created: created).bytes)])
        }
    }

    /// What the first record has for a previous hash: it binds the chain to this log.
    static func genesis(identifier: String, created: AuditTime) -> Digest {
        SHA256.hash("CXRGateway audit log 1\n\(identifier)\n\(created.microseconds)\n")
    }

    static func isPresent(in db: Database) throws -> Bool {
        try db.tableExists("audit_record") && db.tableExists("audit_head") && db.tableExists("audit_log")
    }

    private static let tables = """
        CREATE TABLE audit_log (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            identifier TEXT NOT NULL,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE audit_head (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            sequence INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_event_type (
            code INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            event_id TEXT NOT NULL,
            action TEXT NOT NULL,
            meaning TEXT NOT NULL
        ) STRICT;
        CREATE TABLE audit_record (
            sequence INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            event INTEGER NOT NULL,
            outcome INTEGER NOT NULL,
            patient_id TEXT,
            patient_name TEXT,
            study_uid TEXT,
            accession TEXT,
            source_ae TEXT,
            source_host TEXT,
            destination_ae TEXT,
            destination_host TEXT,
            person TEXT,
            description TEXT,
            detail TEXT,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_key (
            fingerprint TEXT PRIMARY KEY,
            public_key BLOB NOT NULL,
            introduced INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            endorsed_by TEXT,
            endorsement BLOB
        ) STRICT;
        CREATE TABLE audit_checkpoint (
            sequence INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            hash BLOB NOT NULL,
            key TEXT NOT NULL REFERENCES audit_key(fingerprint),
            signature BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_segment (
            number INTEGER PRIMARY KEY,
            first_sequence INTEGER NOT NULL,
            last_sequence INTEGER NOT NULL,
            previous_hash BLOB NOT NULL,
            last_hash BLOB NOT NULL,
            first_time INTEGER NOT NULL,
            last_time INTEGER NOT NULL,
            file_name TEXT NOT NULL,
            file_sha256 TEXT NOT NULL,
            sealed INTEGER NOT NULL,
            key TEXT NOT NULL REFERENCES audit_key(fingerprint),
            signature BLOB NOT NULL
        ) STRICT;
        CREATE TABLE audit_forward (
            repository TEXT PRIMARY KEY,
            cursor INTEGER NOT NULL,
            reachable INTEGER NOT NULL,
            since INTEGER NOT NULL,
            last_error TEXT
        ) STRICT;
        CREATE TABLE audit_forward_set_aside (
            repository TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            reason TEXT NOT NULL,
            time INTEGER NOT NULL,
            PRIMARY KEY (repository, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE VIRTUAL TABLE audit_text USING fts5(text, content='', columnsize=0, tokenize='unicode61');
        CREATE TABLE audit_text_state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            indexed INTEGER NOT NULL
        ) STRICT;
        INSERT INTO audit_text_state (id, indexed) VALUES (1, 0);
        """

    /// Each key is followed by the time, so that one index answers "this key, this time range, newest first" page by
    /// page without sorting. Columns that most records leave empty have partial indexes.
    private static let indexes = """
        CREATE INDEX audit_by_time ON audit_record (time);
        CREATE INDEX audit_by_event ON audit_record (event, time);
        CREATE INDEX audit_by_failure ON audit_record (outcome, time) WHERE outcome <> 0;
        CREATE INDEX audit_by_patient ON audit_record (patient_id, time) WHERE patient_id IS NOT NULL;
        CREATE INDEX audit_by_study ON audit_record (study_uid, time) WHERE study_uid IS NOT NULL;
        CREATE INDEX audit_by_accession ON audit_record (accession, time) WHERE accession IS NOT NULL;
        CREATE INDEX audit_by_source ON audit_record (source_ae, time) WHERE source_ae IS NOT NULL;
        CREATE INDEX audit_by_destination ON audit_record (destination_ae, time) WHERE destination_ae IS NOT NULL;
        CREATE INDEX audit_by_person ON audit_record (person, time) WHERE person IS NOT NULL;
        """

    /// A trigger that keeps a table from being altered; `verify` reports one that is missing.
    struct Guard {
        let name: String
        let sql: String

        init(_ name: String, _ event: String, when condition: String? = nil, refuse message: String) {
            self.name = name
            let clause = condition.map { " WHEN \($0)" } ?? ""
            sql = "CREATE TRIGGER \(name) \(event)\(clause) BEGIN SELECT RAISE(ABORT, '\(message)'); END"
        }
    }

    /// Guards against mistakes and against tools, not against someone who may drop triggers: that is what the chain,
    /// its signatures and the exported heads are for.
    static let guards: [Guard] =
        [
            Guard(
                "audit_record_in_order", "BEFORE INSERT ON audit_record",
                when: "NEW.sequence IS NOT (SELECT sequence + 1 FROM audit_head)",
                refuse: "an audit record must follow the head of the chain"),
            Guard("audit_record_no_update", "BEFORE UPDATE ON audit_record", refuse: "audit records are never changed"),
            Guard(
                "audit_record_no_delete", "BEFORE DELETE ON audit_record",
                when: "OLD.sequence > (SELECT coalesce(max(last_sequence), 0) FROM audit_segment)",
                refuse: "audit records are never deleted, only moved to sealed segments"),
            Guard(
                "audit_head_forward", "BEFORE UPDATE ON audit_head", when: "NEW.sequence <> OLD.sequence + 1",
                refuse: "the head of the audit chain only moves forward"),
            Guard("audit_head_no_delete", "BEFORE DELETE ON audit_head", refuse: "the head of the audit chain stays"),
        ]
        + ["audit_log", "audit_key", "audit_checkpoint", "audit_segment"].flatMap { table in
            [
                Guard("\(table)_no_update", "BEFORE UPDATE ON \(table)", refuse: "\(table) is never changed"),
                Guard("\(table)_no_delete", "BEFORE DELETE ON \(table)", refuse: "\(table) is never deleted from"),
            ]
        }

    private static func utc(_ column: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%S', \(column) / 1000000, 'unixepoch') || printf('.%06dZ', \(column) % 1000000)"
    }

    /// For people who bring their own tools; the columns are described in `Config/AUDIT.md`.
    static let views: [(name: String, sql: String)] = [
        ("audit_events", eventsView), ("audit_readings", readingsView), ("audit_turnaround", turnaroundView),
        ("audit_checkpoints", checkpointsView),
    ]

    private static let eventsView = """
        CREATE VIEW audit_events AS
            SELECT r.sequence, \(utc("r.time")) AS time_utc, t.name AS event, t.event_id, t.action, t.meaning,
                CASE r.outcome WHEN 0 THEN 'success' WHEN 4 THEN 'minor-failure' WHEN 8 THEN 'serious-failure'
                    WHEN 12 THEN 'major-failure' END AS outcome,
                r.patient_id, r.patient_name, r.study_uid, r.accession, r.source_ae, r.source_host, r.destination_ae,
                r.destination_host, r.person, r.description, r.detail, lower(hex(r.hash)) AS hash
            FROM audit_record r LEFT JOIN audit_event_type t ON t.code = r.event
        """

    private static let readingsView = """
        CREATE VIEW audit_readings AS
            SELECT r.sequence, \(utc("r.time")) AS time_utc, r.study_uid, r.patient_id, r.accession,
                json_extract(r.detail, '$.provenance.model.name') AS model,
                json_extract(r.detail, '$.provenance.model.version') AS model_version,
                json_extract(r.detail, '$.provenance.model.weightsSHA256') AS weights_sha256,
                json_extract(r.detail, '$.provenance.durationMilliseconds') AS duration_ms,
                json_extract(r.detail, '$.provenance.revision') AS revision,
                r.outcome = 0 AS succeeded
            FROM audit_record r WHERE r.event = \(EventKind.studyRead.rawValue)
        """

    private static let turnaroundView = """
        CREATE VIEW audit_turnaround AS
            SELECT s.study_uid, s.source_ae, \(utc("s.received")) AS received_utc,
                \(utc("s.delivered")) AS delivered_utc, (s.delivered - s.received) / 1e6 AS seconds
            FROM (
                SELECT r.study_uid, r.source_ae, min(r.time) AS received,
                    (SELECT min(d.time) FROM audit_record d WHERE d.study_uid = r.study_uid
                        AND d.event = \(EventKind.resultDelivered.rawValue) AND d.outcome = 0) AS delivered
                FROM audit_record r
                WHERE r.event = \(EventKind.instanceReceived.rawValue) AND r.outcome = 0 AND r.study_uid IS NOT NULL
                GROUP BY r.study_uid
            ) s
        """

    private static let checkpointsView = """
        CREATE VIEW audit_checkpoints AS
            SELECT sequence, \(utc("time")) AS time_utc, lower(hex(hash)) AS hash, key FROM audit_checkpoint
        """
}
