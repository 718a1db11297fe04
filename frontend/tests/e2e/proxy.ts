import http from "node:http";
import net from "node:net";

/** What stands between a browser and the server at JupyterHub and its kin: a path prefix, stripped. */
export interface Proxy {
  url: string;
  stop(): Promise<void>;
}

/** Forward HTTP and WebSocket below `prefix` to `target`; everything else is 404. The Host stays the browser's. */
export async function prefixProxy(prefix: string, target: URL): Promise<Proxy> {
  const strip = (path: string | undefined) => (path?.startsWith(`${prefix}/`) ? path.slice(prefix.length) : null);
  const sockets = new Set<net.Socket>();
  const proxy = http.createServer((request, response) => {
    const path = strip(request.url);
    if (path === null) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers } = request;
    const onward = http.request({ host: target.hostname, port: target.port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  proxy.on("upgrade", (request, socket: net.Socket, head) => {
    const path = strip(request.url);
    if (path === null) {
      socket.destroy();
      return;
    }
    const onward = net.connect(Number(target.port), target.hostname, () => {
      const lines = request.rawHeaders.flatMap((value, index, all) =>
        index % 2 ? [] : [`${value}: ${all[index + 1]}`],
      );
      onward.write(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on("error", () => {
        socket.destroy();
        onward.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as net.AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
