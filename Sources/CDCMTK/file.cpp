#include "structure.h"

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcistrmf.h>
#include <dcmtk/oflog/oflog.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace {

/// High-throughput JPEG 2000 (Supplement 235), unknown to DCMTK 3.6.7: explicit little endian, encapsulated.
bool is_htj2k(const std::string &uid) {
    return uid.rfind("1.2.840.10008.1.2.4.20", 0) == 0 && uid.size() == 23;
}

E_TransferSyntax element_encoding(const std::string &uid) {
    return is_htj2k(uid) ? EXS_JPEG2000LosslessOnly : DcmXfer(uid.c_str()).getXfer();
}

std::string meta_transfer_syntax(DcmMetaInfo &meta) {
    OFString uid;
    meta.findAndGetOFString(DCM_TransferSyntaxUID, uid);
    return std::string(uid.c_str());
}

/// The encoding of a dataset without meta information, from its first element: two letters where the VR would be make
/// it explicit.
std::string guessed_transfer_syntax(const uint8_t *bytes, size_t count) {
    bool is_explicit = count >= 6 && bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A' && bytes[5] <= 'Z';
    bool is_big_endian = is_explicit && bytes[0] == 0;
    return is_big_endian ? UID_BigEndianExplicitTransferSyntax
        : is_explicit    ? UID_LittleEndianExplicitTransferSyntax
                         : UID_LittleEndianImplicitTransferSyntax;
}

/// Reads the meta information from exactly its bytes.
bool read_meta(const uint8_t *bytes, size_t count, DcmMetaInfo &meta, cxr_message *message) {
    DcmInputBufferStream stream;
    stream.setBuffer(bytes, static_cast<offile_off_t>(count));
    stream.setEos();
    meta.transferInit();
    OFCondition condition = meta.read(stream);
    meta.transferEnd();
    return condition == EC_EndOfStream || check(condition, message);
}

/// Checks and reads meta information, checks the structure of the dataset, then reads it in the encoding that the meta
/// information names. `open` gives a stream over the file from an offset on.
template <typename Open>
bool read_file(
    const uint8_t *bytes, size_t count, cxr_file &file, Uint32 max_element_bytes, cxr_tag stop_tag,
    cxr_message *message, Open open) {
    size_t offset = 0;
    DcmMetaInfo *meta = file.format.getMetaInfo();
    if (!find_meta_end(bytes, count, &offset, message) ||
        (offset > 0 && !read_meta(bytes, offset, *meta, message))) {
        return false;
    }
    if (offset >= count) {
        say(message, "no dataset");
        return false;
    }
    file.transfer_syntax = meta_transfer_syntax(*meta);
    if (file.transfer_syntax.empty()) {
        file.transfer_syntax = guessed_transfer_syntax(bytes + offset, count - offset);
    }
    E_TransferSyntax encoding = element_encoding(file.transfer_syntax);
    if (encoding == EXS_Unknown) {
        say(message, ("unknown transfer syntax " + file.transfer_syntax).c_str());
        return false;
    }
    if (!check_structure(bytes + offset, count - offset, file.transfer_syntax, message)) {
        return false;
    }
    std::unique_ptr<DcmInputStream> stream = open(offset);
    if (!check(stream->status(), message)) {
        return false;
    }
    DcmDataset *dataset = file.format.getDataset();
    dataset->transferInit();
    OFCondition condition = stop_tag == 0
        ? dataset->read(*stream, encoding, EGL_noChange, max_element_bytes)
        : dataset->readUntilTag(*stream, encoding, EGL_noChange, max_element_bytes, key(stop_tag));
    dataset->transferEnd();
    if (condition == EC_EndOfStream) {
        condition = EC_Normal;
    }
    if (condition.good() && dataset->card() == 0) {
        say(message, "no DICOM element found");
        return false;
    }
    return check(condition, message);
}

/// DCMTK would write a warning to standard error for each header that is read; what matters is in the messages here.
void quiet_log() {
    static const bool is_quiet = [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        return true;
    }();
    (void)is_quiet;
}

/// A file mapped into memory for reading.
class Mapping {
public:
    explicit Mapping(const char *path) {
        int descriptor = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status {};
        if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
            count_ = static_cast<size_t>(status.st_size);
            void *address = mmap(nullptr, count_, PROT_READ, MAP_PRIVATE, descriptor, 0);
            bytes_ = address == MAP_FAILED ? nullptr : static_cast<const uint8_t *>(address);
        }
        error_ = bytes_ == nullptr ? errno : 0;
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
    ~Mapping() {
        if (bytes_ != nullptr) {
            munmap(const_cast<uint8_t *>(bytes_), count_);
        }
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    const uint8_t *bytes() const { return bytes_; }
    size_t count() const { return count_; }
    int error() const { return error_; }

private:
    const uint8_t *bytes_ = nullptr;
    size_t count_ = 0;
    int error_ = 0;
};

}  // namespace

cxr_file *cxr_file_new(void) {
    return guarded<cxr_file *>(nullptr, nullptr, [] { return new cxr_file(); });
}

cxr_file *cxr_file_read(const char *path, uint32_t max_element_bytes, cxr_tag stop_tag, cxr_message *message) {
    return guarded<cxr_file *>(message, nullptr, [&]() -> cxr_file * {
        quiet_log();
        Mapping mapping(path);
        if (mapping.bytes() == nullptr) {
            say(message, mapping.error() == 0 ? "not a regular file, or empty" : std::strerror(mapping.error()));
            return nullptr;
        }
        auto file = std::make_unique<cxr_file>();
        bool good = read_file(
            mapping.bytes(), mapping.count(), *file, max_element_bytes, stop_tag, message, [path](size_t offset) {
                // Skipped, not opened at the offset: values that stay on disk are found again by the stream's position.
                auto stream = std::make_unique<DcmInputFileStream>(OFFilename(path));
                stream->skip(static_cast<offile_off_t>(offset));
                return stream;
            });
        return good ? file.release() : nullptr;
    });
}

cxr_file *cxr_file_read_memory(const uint8_t *bytes, size_t count, cxr_tag stop_tag, cxr_message *message) {
    return guarded<cxr_file *>(message, nullptr, [&]() -> cxr_file * {
        quiet_log();
        auto file = std::make_unique<cxr_file>();
        bool good = read_file(bytes, count, *file, DCM_MaxReadLength, stop_tag, message, [&](size_t offset) {
            auto stream = std::make_unique<DcmInputBufferStream>();
            stream->setBuffer(bytes + offset, static_cast<offile_off_t>(count - offset));
            stream->setEos();
            return stream;
        });
        return good ? file.release() : nullptr;
    });
}

bool cxr_file_write(
    cxr_file *file, const char *path, const char *transfer_syntax_uid, const char *implementation_class_uid,
    const char *implementation_version_name, cxr_message *message) {
    return guarded(message, false, [&] {
        E_TransferSyntax encoding = element_encoding(transfer_syntax_uid);
        if (encoding == EXS_Unknown || is_htj2k(transfer_syntax_uid)) {
            say(message, "a file cannot be written in this transfer syntax");
            return false;
        }
        if (!check(file->format.getDataset()->chooseRepresentation(encoding, nullptr), message) ||
            !check(file->format.validateMetaInfo(encoding, EWM_createNewMeta), message)) {
            return false;
        }
        DcmMetaInfo *meta = file->format.getMetaInfo();
        meta->putAndInsertString(DCM_ImplementationClassUID, implementation_class_uid);
        meta->putAndInsertString(DCM_ImplementationVersionName, implementation_version_name);
        return check(
            file->format.saveFile(
                path, encoding, EET_ExplicitLength, EGL_recalcGL, EPD_withoutPadding, 0, 0, EWM_updateMeta),
            message);
    });
}

void cxr_file_free(cxr_file *file) { delete file; }

cxr_item *cxr_file_dataset(cxr_file *file) { return opaque(file->format.getDataset()); }

cxr_item *cxr_file_meta(cxr_file *file) { return opaque(file->format.getMetaInfo()); }

const char *cxr_file_transfer_syntax(const cxr_file *file) { return file->transfer_syntax.c_str(); }

bool cxr_file_convert_to_utf8(cxr_file *file, cxr_message *message) {
    return guarded(message, false, [&] { return check(file->format.convertToUTF8(), message); });
}
