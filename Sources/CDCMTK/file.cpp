#include "internal.h"

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcistrmf.h>

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

/// Reads meta information, then the dataset in the encoding that the meta information names.
bool read_stream(
    DcmInputStream &stream, cxr_file &file, Uint32 max_element_bytes, cxr_tag stop_tag, cxr_message *message) {
    DcmMetaInfo *meta = file.format.getMetaInfo();
    meta->transferInit();
    OFCondition condition = meta->read(stream, EXS_Unknown, EGL_noChange, max_element_bytes);
    meta->transferEnd();
    if (condition.bad() && condition != EC_EndOfStream) {
        return check(condition, message);
    }
    file.transfer_syntax = meta_transfer_syntax(*meta);
    E_TransferSyntax encoding = EXS_Unknown;
    if (!file.transfer_syntax.empty()) {
        encoding = element_encoding(file.transfer_syntax);
        if (encoding == EXS_Unknown) {
            say(message, ("unknown transfer syntax " + file.transfer_syntax).c_str());
            return false;
        }
    }
    DcmDataset *dataset = file.format.getDataset();
    dataset->transferInit();
    if (stop_tag == 0) {
        condition = dataset->read(stream, encoding, EGL_noChange, max_element_bytes);
    } else {
        condition = dataset->readUntilTag(stream, encoding, EGL_noChange, max_element_bytes, key(stop_tag));
    }
    dataset->transferEnd();
    if (condition == EC_EndOfStream) {
        condition = EC_Normal;
    }
    if (file.transfer_syntax.empty()) {
        file.transfer_syntax = DcmXfer(dataset->getOriginalXfer()).getXferID();
    }
    if (condition.good() && dataset->card() == 0) {
        say(message, "no DICOM element found");
        return false;
    }
    return check(condition, message);
}

}  // namespace

cxr_file *cxr_file_new(void) {
    return guarded<cxr_file *>(nullptr, nullptr, [] { return new cxr_file(); });
}

cxr_file *cxr_file_read(const char *path, uint32_t max_element_bytes, cxr_tag stop_tag, cxr_message *message) {
    return guarded<cxr_file *>(message, nullptr, [&]() -> cxr_file * {
        DcmInputFileStream stream{OFFilename(path)};
        if (!check(stream.status(), message)) {
            return nullptr;
        }
        auto file = std::make_unique<cxr_file>();
        return read_stream(stream, *file, max_element_bytes, stop_tag, message) ? file.release() : nullptr;
    });
}

cxr_file *cxr_file_read_memory(const uint8_t *bytes, size_t count, cxr_tag stop_tag, cxr_message *message) {
    return guarded<cxr_file *>(message, nullptr, [&]() -> cxr_file * {
        DcmInputBufferStream stream;
        stream.setBuffer(bytes, static_cast<offile_off_t>(count));
        stream.setEos();
        auto file = std::make_unique<cxr_file>();
        return read_stream(stream, *file, DCM_MaxReadLength, stop_tag, message) ? file.release() : nullptr;
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
