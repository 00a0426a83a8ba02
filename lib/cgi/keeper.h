/* Keeps the output open until this process is gone, for Apache's sake. */
#ifndef CGI_KEEPER_H
#define CGI_KEEPER_H

/*
 * Starts a process that ends the output as soon as this one is gone. Where it
 * cannot be started, or nobody would wait for it, gives the server 0.1 ms to
 * fall asleep. To be called when nothing is left but exit(3).
 */
void keeper_start(void);

#endif
