import GRDB

/// The tables of the study store and the work queue.
///
/// Every time is UTC milliseconds since 1970. `CHECK` constraints and triggers repeat the rules of the state machines, so
/// that a mistake in the code (or a hand at the `sqlite3` prompt) cannot leave a state that nothing can explain.
public enum WorklistSchema {
    /// Adds the migrations of this module; their names start with `worklist.`, so that other modules can share the file.
    public static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("worklist.1.studies") { db in try db.execute(sql: studies) }
        migrator.registerMigration("worklist.2.work") { db in try db.execute(sql: work) }
        migrator.registerMigration("worklist.3.deliveries") { db in try db.execute(sql: deliveries) }
    }

    private static let studies = """
        CREATE TABLE source (
            id INTEGER PRIMARY KEY,
            aeTitle TEXT NOT NULL,
            address TEXT NOT NULL,
            firstSeenAt INTEGER NOT NULL,
            lastSeenAt INTEGER NOT NULL,
            instanceCount INTEGER NOT NULL DEFAULT 0,
            byteCount INTEGER NOT NULL DEFAULT 0,
            UNIQUE (aeTitle, address)
        ) STRICT;

        CREATE TABLE study (
            id INTEGER PRIMARY KEY,
            studyInstanceUID TEXT NOT NULL UNIQUE,
            patientID TEXT,
            patientName TEXT,
            patientBirthDate TEXT,
            patientSex TEXT,
            accessionNumber TEXT,
            studyDate TEXT,
            studyTime TEXT,
            studyDescription TEXT,
            demographicsDiffer INTEGER NOT NULL DEFAULT 0 CHECK (demographicsDiffer IN (0, 1)),
            priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
            state TEXT NOT NULL CHECK (state IN ('assembling', 'queued', 'working', 'delivering', 'stored',
                                                 'delivered', 'abstained', 'deadLetter', 'purged')),
            stateSince INTEGER NOT NULL,
            quietAt INTEGER,
            revision INTEGER NOT NULL DEFAULT 0,
            firstReceivedAt INTEGER NOT NULL,
            lastReceivedAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX studyQuiet ON study (quietAt) WHERE quietAt IS NOT NULL;
        CREATE INDEX studyState ON study (state, stateSince);

        CREATE TABLE studyTransition (
            id INTEGER PRIMARY KEY,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            state TEXT NOT NULL,
            enteredAt INTEGER NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX studyTransitionStudy ON studyTransition (studyID);

        CREATE TABLE series (
            id INTEGER PRIMARY KEY,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            seriesInstanceUID TEXT NOT NULL,
            modality TEXT,
            seriesNumber INTEGER,
            seriesDescription TEXT,
            bodyPartExamined TEXT,
            UNIQUE (studyID, seriesInstanceUID)
        ) STRICT;

        CREATE TABLE instance (
            id INTEGER PRIMARY KEY,
            seriesID INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            sourceID INTEGER NOT NULL REFERENCES source (id),
            sopInstanceUID TEXT NOT NULL,
            sopClassUID TEXT NOT NULL,
            transferSyntaxUID TEXT NOT NULL,
            instanceNumber INTEGER,
            path TEXT NOT NULL,
            byteCount INTEGER NOT NULL CHECK (byteCount >= 0),
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            disposition TEXT NOT NULL CHECK (disposition IN ('toRead', 'storedOnly', 'ownResult', 'quarantined')),
            quarantineReason TEXT,
            revision INTEGER,
            receivedAt INTEGER NOT NULL,
            missingSince INTEGER,
            purgedAt INTEGER,
            UNIQUE (sopInstanceUID, sha256),
            CHECK ((disposition = 'quarantined') = (quarantineReason IS NOT NULL)),
            CHECK (revision IS NULL OR disposition = 'toRead')
        ) STRICT;
        CREATE UNIQUE INDEX instanceCurrent ON instance (sopInstanceUID) WHERE disposition <> 'quarantined';
        CREATE INDEX instanceStudy ON instance (studyID);
        CREATE INDEX instanceUnprocessed ON instance (studyID) WHERE revision IS NULL AND disposition = 'toRead';
        CREATE INDEX instanceQuarantined ON instance (receivedAt) WHERE disposition = 'quarantined';

        CREATE TABLE quarantinedFile (
            id INTEGER PRIMARY KEY,
            sourceID INTEGER NOT NULL REFERENCES source (id),
            path TEXT NOT NULL UNIQUE,
            byteCount INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            reason TEXT NOT NULL,
            receivedAt INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE hold (
            association TEXT NOT NULL,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            PRIMARY KEY (association, studyID)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX holdStudy ON hold (studyID);
        """

    private static let work = """
        CREATE TABLE workItem (
            id INTEGER PRIMARY KEY,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            revision INTEGER NOT NULL CHECK (revision > 0),
            priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
            state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'delivering',
                                                 'delivered', 'abstained', 'deadLetter')),
            outcome TEXT CHECK (outcome IN ('delivered', 'abstained')),
            abstentionReason TEXT,
            deadLetterReason TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            leaseCount INTEGER NOT NULL DEFAULT 0,
            leaseOwner TEXT,
            leaseUntil INTEGER,
            notBefore INTEGER NOT NULL,
            lastError TEXT,
            createdAt INTEGER NOT NULL,
            updatedAt INTEGER NOT NULL,
            startedAt INTEGER,
            finishedAt INTEGER,
            settledAt INTEGER,
            UNIQUE (studyID, kind, revision),
            CHECK ((state = 'leased') = (leaseOwner IS NOT NULL)),
            CHECK ((state = 'leased') = (leaseUntil IS NOT NULL)),
            CHECK (state NOT IN ('ready', 'leased') OR outcome IS NULL),
            CHECK (state <> 'delivering' OR outcome IS NOT NULL),
            CHECK (state NOT IN ('delivered', 'abstained') OR outcome IS state),
            CHECK ((outcome IS NOT NULL) = (finishedAt IS NOT NULL)),
            CHECK ((outcome IS 'abstained') = (abstentionReason IS NOT NULL)),
            CHECK ((state = 'deadLetter') = (deadLetterReason IS NOT NULL)),
            CHECK ((state IN ('delivered', 'abstained', 'deadLetter')) = (settledAt IS NOT NULL))
        ) STRICT;
        CREATE INDEX workItemReady ON workItem (priority, createdAt, id) WHERE state = 'ready';
        CREATE UNIQUE INDEX workItemLeased ON workItem (studyID) WHERE state = 'leased';
        CREATE INDEX workItemState ON workItem (state);

        CREATE TRIGGER workItemTransition BEFORE UPDATE OF state ON workItem
        WHEN OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN (
            'ready>leased', 'leased>ready', 'leased>delivering', 'leased>delivered', 'leased>abstained',
            'leased>deadLetter', 'delivering>delivered', 'delivering>abstained', 'delivering>deadLetter',
            'deadLetter>ready', 'deadLetter>delivering')
        BEGIN SELECT RAISE(ABORT, 'illegal transition of a work item'); END;

        CREATE TABLE result (
            id INTEGER PRIMARY KEY,
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            workItemID INTEGER NOT NULL REFERENCES workItem (id) ON DELETE CASCADE,
            predecessorID INTEGER REFERENCES result (id),
            kind TEXT NOT NULL,
            revision INTEGER NOT NULL,
            sopInstanceUID TEXT NOT NULL UNIQUE,
            sopClassUID TEXT NOT NULL,
            transferSyntaxUID TEXT NOT NULL,
            path TEXT NOT NULL,
            byteCount INTEGER NOT NULL,
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            createdAt INTEGER NOT NULL,
            missingSince INTEGER,
            purgedAt INTEGER
        ) STRICT;
        CREATE INDEX resultStudy ON result (studyID);
        CREATE INDEX resultWorkItem ON result (workItemID);
        CREATE INDEX resultPredecessor ON result (predecessorID) WHERE predecessorID IS NOT NULL;
        """

    private static let deliveries = """
        CREATE TABLE destination (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            circuit TEXT NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'halfOpen')),
            circuitSince INTEGER NOT NULL,
            probeAt INTEGER,
            consecutiveFailures INTEGER NOT NULL DEFAULT 0,
            lastSuccessAt INTEGER,
            lastFailureAt INTEGER,
            lastError TEXT,
            CHECK ((circuit = 'closed') = (probeAt IS NULL))
        ) STRICT;

        CREATE TABLE delivery (
            id INTEGER PRIMARY KEY,
            destinationID INTEGER NOT NULL REFERENCES destination (id),
            studyID INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
            workItemID INTEGER REFERENCES workItem (id) ON DELETE CASCADE,
            sopInstanceUID TEXT NOT NULL,
            sopClassUID TEXT NOT NULL,
            transferSyntaxUID TEXT NOT NULL,
            path TEXT NOT NULL,
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 4),
            demandsCommitment INTEGER NOT NULL CHECK (demandsCommitment IN (0, 1)),
            state TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'sent', 'commitRequested', 'committed',
                                                 'deadLetter')),
            deadLetterReason TEXT,
            lastStatus INTEGER,
            lastError TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            commitAttempts INTEGER NOT NULL DEFAULT 0,
            leaseCount INTEGER NOT NULL DEFAULT 0,
            leaseOwner TEXT,
            leaseUntil INTEGER,
            notBefore INTEGER NOT NULL,
            commitTransactionUID TEXT,
            commitDeadline INTEGER,
            createdAt INTEGER NOT NULL,
            updatedAt INTEGER NOT NULL,
            sentAt INTEGER,
            committedAt INTEGER,
            settledAt INTEGER,
            UNIQUE (sha256, destinationID),
            CHECK ((state = 'leased') = (leaseOwner IS NOT NULL)),
            CHECK ((state = 'leased') = (leaseUntil IS NOT NULL)),
            CHECK ((state = 'deadLetter') = (deadLetterReason IS NOT NULL)),
            CHECK (state NOT IN ('sent', 'commitRequested', 'committed') OR sentAt IS NOT NULL),
            CHECK (state NOT IN ('pending', 'leased') OR sentAt IS NULL),
            CHECK (state NOT IN ('commitRequested', 'committed') OR demandsCommitment = 1),
            CHECK ((state = 'commitRequested') = (commitDeadline IS NOT NULL)),
            CHECK (state <> 'commitRequested' OR commitTransactionUID IS NOT NULL),
            CHECK ((state = 'committed') = (committedAt IS NOT NULL)),
            CHECK ((state IN ('committed', 'deadLetter') OR (state = 'sent' AND demandsCommitment = 0))
                   = (settledAt IS NOT NULL))
        ) STRICT;
        CREATE INDEX deliveryPending ON delivery (destinationID, priority, id) WHERE state = 'pending';
        CREATE INDEX deliveryLeased ON delivery (leaseUntil) WHERE state = 'leased';
        CREATE INDEX deliveryState ON delivery (destinationID, state);
        CREATE INDEX deliveryStudy ON delivery (studyID, state);
        CREATE INDEX deliveryWorkItem ON delivery (workItemID) WHERE workItemID IS NOT NULL;
        CREATE INDEX deliveryCommit ON delivery (commitTransactionUID) WHERE commitTransactionUID IS NOT NULL;
        CREATE INDEX deliveryCommitDeadline ON delivery (commitDeadline) WHERE state = 'commitRequested';

        CREATE TRIGGER deliveryTransition BEFORE UPDATE OF state ON delivery
        WHEN OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN (
            'pending>leased', 'leased>pending', 'leased>sent', 'leased>deadLetter',
            'sent>commitRequested', 'sent>committed', 'sent>pending', 'sent>deadLetter',
            'commitRequested>committed', 'commitRequested>sent', 'commitRequested>pending',
            'commitRequested>deadLetter', 'deadLetter>pending')
        BEGIN SELECT RAISE(ABORT, 'illegal transition of a delivery'); END;
        """
}
