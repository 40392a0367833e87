import http from "k6/http";
import { check } from "k6";

export default function () {
  const answer = http.get(`${__ENV.BASE_URL}/posts/`);
  check(answer, { "is status 200": (r) => r.status === 200 });
}
