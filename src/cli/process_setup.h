// What every long-running command needs of its process.
#ifndef MING_CLI_PROCESS_SETUP_H_
#define MING_CLI_PROCESS_SETUP_H_

namespace ming::cli {

// Opens /dev/null in place of standard streams that are closed. Their numbers would go to the next
// sockets otherwise, which would then be sent the log.
void OpenStandardStreams();

// A write to a closed socket or pipe is an error, not the end of the process.
void IgnoreSigpipe();

// Raises the soft limit of open descriptors to the hard one: each connection takes one.
void RaiseDescriptorLimit();

}  // namespace ming::cli

#endif  // MING_CLI_PROCESS_SETUP_H_
