import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export type Received = {
  from: string
  to: string
  raw: string
  subject: string
  text: string
  messageId: string
}

export type SmtpServer = {
  url: string
  port: number
  /** What it has taken, in order. */
  received: Received[]
  /** Hangs up on whoever comes. */
  dead: boolean
  /** What it says to a command instead of taking it, as `550 no such person`. */
  refuse: (command: string) => string | undefined
  /** Awaited before a message is taken. */
  hold: () => Promise<void>
}

/** A mail server of the test's own: just enough of RFC 5321 to take mails, refuse them and hang up. */
export async function smtpServer(t: Test): Promise<SmtpServer> {
  const sockets = new Set<Socket>()
  const server: SmtpServer = {
    url: '',
    port: 0,
    received: [],
    dead: false,
    refuse: () => undefined,
    hold: async () => undefined,
  }
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    if (server.dead) socket.destroy()
    else talk(socket, server)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  server.port = (listener.address() as AddressInfo).port
  server.url = `smtp://127.0.0.1:${server.port}`
  return server
}

function talk(socket: Socket, server: SmtpServer): void {
  let from = ''
  let to = ''
  let unread = ''
  let inMessage = false
  const say = (line: string) => void socket.write(`${line}\r\n`)
  say('220 mail.test.example ESMTP')

  const take = async (raw: string) => {
    await server.hold()
    if (socket.destroyed) return
    const refusal = server.refuse('.')
    if (refusal === undefined) server.received.push(read(from, to, raw))
    say(refusal ?? '250 taken')
  }
  const hear = (line: string) => {
    if (server.dead) return socket.destroy()
    const refusal = server.refuse(line)
    if (refusal !== undefined) return say(refusal)
    const address = /<([^>]*)>/.exec(line)?.[1] ?? ''
    if (/^(EHLO|HELO)/i.test(line)) return say('250 mail.test.example')
    if (/^MAIL/i.test(line)) from = address
    if (/^RCPT/i.test(line)) to = address
    if (/^QUIT/i.test(line)) return socket.end('221 bye\r\n')
    if (!/^DATA/i.test(line)) return say('250 ok')
    inMessage = true
    say('354 go on')
  }
  socket.on('data', (chunk) => {
    unread += chunk.toString('utf8')
    for (;;) {
      const end = inMessage ? '\r\n.\r\n' : '\r\n'
      const at = unread.indexOf(end)
      if (at === -1) return
      const said = unread.slice(0, at)
      unread = unread.slice(at + end.length)
      if (inMessage) {
        inMessage = false
        void take(said.replaceAll('\r\n..', '\r\n.'))
      } else hear(said)
    }
  })
}

/** A mail as its reader sees it. */
export function readMail(raw: string): Pick<Received, 'raw' | 'subject' | 'text' | 'messageId'> {
  const [head = '', ...body] = raw.replaceAll('\r\n', '\n').split('\n\n')
  const headers = head.replaceAll(/\n[ \t]+/g, ' ')
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(headers)?.[1] ?? ''
  const encoded = body.join('\n\n')
  const text = /quoted-printable/i.test(header('Content-Transfer-Encoding')) ? decode(encoded) : encoded
  return { raw, subject: header('Subject'), text, messageId: header('Message-ID') }
}

function read(from: string, to: string, raw: string): Received {
  return { from, to, ...readMail(raw) }
}

function decode(encoded: string): string {
  const bytes = encoded
    .replaceAll('=\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
