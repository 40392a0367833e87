import http from "k6/http";
import { check } from "k6";

const json = { headers: { "Content-Type": "application/json" } };

export default function () {
  const user = JSON.stringify({ userId: 1 + Math.floor(Math.random() * 1000000) });
  const issued = http.post(`${__ENV.BASE_URL}/queue/tokens`, user, json);
  check(issued, { "token issued": (r) => r.status === 200 });
  const headers = { Authorization: `Bearer ${issued.json("data.token")}` };
  const dates = http.get(`${__ENV.BASE_URL}/concerts/1/available-dates`, { headers });
  check(dates, { "dates ok": (r) => r.status === 200 });
}
