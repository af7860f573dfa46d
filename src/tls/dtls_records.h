// The outer form of DTLS datagrams.
#ifndef MING_TLS_DTLS_RECORDS_H_
#define MING_TLS_DTLS_RECORDS_H_

#include "ming/base/bytes.h"

namespace ming::tls {

// Whether `datagram` is a row of one or more whole DTLS 1.0 or 1.2 records (RFC 6347, section 4.1):
// known types, and lengths that add up to the datagram. GnuTLS reads the datagram after one that is
// cut short as its rest, so nothing else may reach it.
bool IsRowOfRecords(ByteSpan datagram);

// Whether such a row has a single record.
bool IsOneRecord(ByteSpan row);

}  // namespace ming::tls

#endif  // MING_TLS_DTLS_RECORDS_H_
